//! The pages under their Content-Security-Policy: everything on them works, and the browser has
//! nothing to complain of.

use crate::browser::{Browser, Window};
use crate::demo::{admin_demo, shows_a_moving_picture};

/// That nothing on the pages so far was forbidden by their policy (the browser calls that a
/// security matter).
async fn breaks_no_policy(browser: &Browser) {
    let complaints = browser.complaints().await;
    let forbidden: Vec<_> = complaints
        .iter()
        .filter(|line| line.contains("security") || line.contains("Policy"))
        .collect();
    assert!(forbidden.is_empty(), "{forbidden:#?}");
}

#[tokio::test]
async fn the_pages_work_under_their_policy_with_thumbnails_button_and_pictures_alone() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (demo, url) = admin_demo(&browser).await;
    browser.client.goto(&url).await.expect("the page opens");
    let both = "return document.querySelectorAll('.tile').length === 2";
    browser
        .until("the page lists both other cameras", both)
        .await;
    // The tiles came after the page; so do their pictures, from other origins.
    for frame in ["#mine .frame", ".tile:nth-child(2) .frame"] {
        shows_a_moving_picture(&browser, frame).await;
    }
    breaks_no_policy(&browser).await;
    let button = browser.find("#pull-the-plug").await;
    button.click().await.expect("the button can be clicked");
    demo.line_after("plug pulled on the representative");
    breaks_no_policy(&browser).await;
    let back = "return document.querySelectorAll('.tile').length === 1
        && document.querySelector('#lost').hidden";
    browser.until("the page finds the successor", back).await;
    for path in ["camera", "settings", "login", "snapshot.jpg"] {
        let there = format!("{url}{path}");
        browser.client.goto(&there).await.expect("it opens");
        let shown = "return [...document.images].some((image) => image.naturalWidth > 0)";
        browser
            .until(&format!("{path} shows a picture"), shown)
            .await;
        breaks_no_policy(&browser).await;
    }
    // And that the log would tell: an inline script is what the policy is against.
    browser.client.goto(&url).await.expect("the page opens");
    browser
        .until("the page is there", "return document.body !== null")
        .await;
    let inject = "const script = document.createElement('script');
         script.textContent = 'window.injected = true';
         document.body.append(script);
         return window.injected === undefined";
    browser.until("an inline script does not run", inject).await;
    let told = browser.complaints().await;
    let told = told
        .iter()
        .any(|line| line.contains("Content Security Policy"));
    assert!(told, "a broken policy is in the log");
    browser.client.close().await.expect("the session ends");
}

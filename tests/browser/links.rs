//! The pages lead to each other, on a desktop and on a phone.

use crate::browser::{Browser, Window};
use crate::demo::{demo, shows_a_moving_picture, text};

#[tokio::test]
async fn the_demo_shows_three_moving_pictures_and_its_links_lead_to_each_camera() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (_demo, url) = demo();
    browser.client.goto(&url).await.expect("the page opens");

    // The others join within seconds; the page takes them in without a reload.
    let both = "return document.querySelectorAll('.tile').length === 2";
    browser
        .until("the page lists both other cameras", both)
        .await;
    for frame in [
        "#mine .frame",
        ".tile:nth-child(1) .frame",
        ".tile:nth-child(2) .frame",
    ] {
        shows_a_moving_picture(&browser, frame).await;
    }
    let mine = browser.find("h1").await.text().await.expect("the heading");

    for tile in 1..=2 {
        browser
            .client
            .goto(&url)
            .await
            .expect("the page opens again");
        let link = browser
            .find(&format!(".tile:nth-child({tile}) .name a"))
            .await;
        let name = link.text().await.expect("the link's text");
        let address = link.prop("href").await.expect("the link's address");
        let address = address.expect("the link has an address");
        assert_ne!(name, mine, "each camera has a name of its own");
        link.click().await.expect("the link can be clicked");
        let arrived =
            format!("return location.href === {address:?} && document.readyState !== 'loading'");
        browser
            .until(&format!("the link leads to {address}"), &arrived)
            .await;
        let heading = browser.find("h1").await.text().await.expect("the heading");
        assert_eq!(
            heading, name,
            "{address} is the page of the camera it was linked as"
        );
        shows_a_moving_picture(&browser, "#mine .frame").await;
        assert_eq!(
            browser.count(".tile").await,
            2,
            "the member lists the same cameras"
        );
    }
    browser.client.close().await.expect("the session ends");
}

#[tokio::test]
async fn on_a_phone_nothing_is_wider_than_the_screen_and_the_camera_page_leads_back() {
    let Some(browser) = Browser::start(Window::Phone).await else {
        return;
    };
    let (_demo, url) = demo();
    browser.client.goto(&url).await.expect("the page opens");
    let both = "return document.querySelectorAll('.tile').length === 2";
    browser
        .until("the page lists both other cameras", both)
        .await;
    shows_a_moving_picture(&browser, "#mine .frame").await;
    fits_a_phone(&browser).await;

    // The first port that the router gives numbers a camera: before that it has another name.
    let numbered = r"return /^server \d/.test(document.querySelector('h1').textContent.trim())";
    browser
        .until("the page has the camera's lasting name", numbered)
        .await;
    let name = browser.find("h1").await.text().await.expect("the heading");
    let link = browser.find("#mine .name a").await;
    link.click().await.expect("the name can be clicked");
    browser
        .until(
            "the name leads to the camera's own page",
            "return location.pathname === '/camera' && document.readyState !== 'loading'",
        )
        .await;
    shows_a_moving_picture(&browser, "#mine .frame").await;
    let heading = browser.find("h1").await.text().await.expect("the heading");
    assert_eq!(heading, name);
    fits_a_phone(&browser).await;

    let back = browser.find("#back").await;
    back.click().await.expect("the way back can be clicked");
    let home = format!("return location.href === {url:?}");
    browser
        .until("the way back leads to all cameras", &home)
        .await;
    browser.client.close().await.expect("the session ends");
}

/// 390 pixels, and nothing to scroll sideways for.
async fn fits_a_phone(browser: &Browser) {
    let widths = "const { scrollWidth, clientWidth } = document.documentElement;
         return `${clientWidth} ${scrollWidth <= clientWidth}`";
    assert_eq!(text(browser, widths).await, "390 true");
}

//! One login for the whole site, in a real browser, through the demo's simulated router: every
//! camera at another port of one address.

use crate::browser::{Browser, Window};
use crate::demo::{closed_demo, log_in, shows_a_moving_picture};

const VIEWER: &str = "only-to-look";

/// The heartbeat of the demo is shorter than a second; the document of the login promises two of
/// them.
const GONE: &str = "return location.pathname === '/login'";

#[tokio::test]
async fn one_login_opens_every_camera_a_viewer_changes_nothing_and_logging_out_ends_it_everywhere()
{
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (_demo, url) = closed_demo(VIEWER);
    let port: u16 = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("the demo tells its port");
    let page = |number: u16| format!("http://127.0.0.1:{}/", port + number);

    // Nobody is let in without it, on none of the three.
    for number in 0..3 {
        browser.client.goto(&page(number)).await.expect("it opens");
        browser.until("the login page", GONE).await;
    }
    log_in(&browser, &url, "viewer", VIEWER).await;
    let all = "return document.querySelectorAll('#tiles .tile').length === 2";
    browser.until("the other two are there", all).await;
    shows_a_moving_picture(&browser, "#mine .frame").await;
    for number in 1..=2 {
        shows_a_moving_picture(&browser, &format!(".tile:nth-child({number}) .frame")).await;
    }

    // The same cookie at the other ports.
    for number in 1..3 {
        browser.client.goto(&page(number)).await.expect("it opens");
        let inside =
            "return location.pathname === '/' && document.body.dataset.access === 'viewer'";
        browser.until("it is open already", inside).await;
        shows_a_moving_picture(&browser, "#mine .frame").await;
    }

    // The page offers no change, and the server takes none.
    let rename = "return fetch('/api/v1/status').then((answer) => answer.json()).then((status) =>
        fetch(`/api/v1/cameras/${status.id}`, { method: 'PATCH',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ name: 'Mine now' }) })).then((answer) => answer.status)";
    let status = browser.client.execute(rename, Vec::new()).await;
    assert_eq!(status.expect("the script runs"), 403);

    // Out on the last one, and so out on all.
    let out = "return fetch('/logout', { method: 'POST', redirect: 'manual' }).then(() => true)";
    let cookies = browser.client.get_all_cookies().await.expect("cookies");
    let before = cookies
        .into_iter()
        .find(|cookie| cookie.name().starts_with("porthole_session_"))
        .expect("there is a session");
    browser.client.execute(out, Vec::new()).await.expect("out");
    // The cookie itself is put back: it is the session that has ended, not the browser's memory of
    // it.
    browser.client.add_cookie(before).await.expect("a cookie");
    for number in [2, 1, 0] {
        let what = "the session has ended here, too";
        let ended = "return fetch('/api/v1/status').then((answer) => answer.status === 401)";
        browser
            .client
            .goto(&format!("{}login", page(number)))
            .await
            .expect("it opens");
        browser.until(what, ended).await;
        browser.client.goto(&page(number)).await.expect("it opens");
        browser.until("the login page", GONE).await;
    }
    browser.client.close().await.expect("the session ends");
}

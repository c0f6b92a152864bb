//! The pages in a real browser, with `porthole demo` behind them: what a person would see and click.

mod support {
    pub(crate) mod browser;
}

use std::net::TcpListener;
use std::process::Command;

use support::browser::{Browser, Process};

/// `porthole demo` with three cameras, and the address it tells a person to open.
fn demo() -> (Process, String) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = free.expect("a free port").port().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_porthole"));
    let demo = Process::start(command.args(["demo", "--cameras", "3", "--port", &port]));
    let url = format!("http://{}", demo.line_after("Open http://"));
    (demo, url)
}

/// That the picture in `frame` has come, moves, and is not an old one that the page has dimmed.
async fn shows_a_moving_picture(browser: &Browser, frame: &str) {
    let fresh = format!(
        "const frame = document.querySelector('{frame}');
         return frame.dataset.picture === 'fresh' && frame.querySelector('img').naturalWidth > 0"
    );
    let what = format!("{frame} shows a picture");
    browser.until(&what, &fresh).await;
    browser.until_it_moves(frame).await;
    browser.until(&what, &fresh).await;
}

#[tokio::test]
async fn the_demo_shows_three_moving_pictures_and_its_links_lead_to_each_camera() {
    let Some(browser) = Browser::start().await else {
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

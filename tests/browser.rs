//! The pages in a real browser, with `porthole demo` behind them: what a person would see and click.

mod support {
    pub(crate) mod browser;
}

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use porthole::election::Cause;
use support::browser::{Browser, Process, Window};

/// Every reason for which the office passes from one camera to another.
const CAUSES: [Cause; 4] = [
    Cause::Withdrawal,
    Cause::MissedHeartbeats,
    Cause::UnansweredProbes,
    Cause::LeaseLost,
];

/// Keeps the ports of this file's tests, which run at the same time, apart.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// `porthole demo` with three cameras, and the address it tells a person to open.
fn demo() -> (Process, String) {
    // Below the ports that the kernel lends to outgoing connections: the browser's own would take the
    // ports behind it, which the other cameras are to have.
    let free =
        |port: u16| (port..port + 3).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    // Most likely no other process looks at the same ones.
    let process = u16::try_from(std::process::id() % 250).expect("below 250");
    let start = 20_000 + process * 40 + NEXT.fetch_add(10, Ordering::Relaxed);
    let port = (start..31_000).step_by(40).find(|port| free(*port));
    let port = port.expect("three free ports in a row").to_string();
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
    let Some(browser) = Browser::start(Window::Desk).await else {
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

/// What `script`, the body of a function, returns, as text.
async fn text(browser: &Browser, script: &str) -> String {
    let answer = browser.client.execute(script, Vec::new()).await;
    let answer = answer.expect("the script runs");
    answer
        .as_str()
        .unwrap_or_else(|| panic!("{script} returned {answer}"))
        .to_owned()
}

#[tokio::test]
async fn when_the_plug_is_pulled_the_open_page_finds_the_next_representative_by_itself() {
    let Some(browser) = Browser::start(Window::Desk).await else {
        return;
    };
    let (mut demo, url) = demo();
    browser.client.goto(&url).await.expect("the page opens");
    let both = "return document.querySelectorAll('.tile').length === 2";
    browser
        .until("the page lists both other cameras", both)
        .await;
    shows_a_moving_picture(&browser, "#mine .frame").await;
    let killed = text(
        &browser,
        "return document.querySelector('#mine').dataset.id",
    )
    .await;
    let name = text(
        &browser,
        "return document.querySelector('h1').textContent.trim()",
    )
    .await;
    // Gone with a reload, so it shows that there was none.
    let mark = browser.client.execute("window.unbroken = true", Vec::new());
    mark.await.expect("the page takes a mark");

    let button = browser.find("#pull-the-plug").await;
    button.click().await.expect("the button can be clicked");
    demo.line_after("plug pulled on the representative");
    let causes = serde_json::to_string(&CAUSES.map(Cause::words)).expect("texts");
    // It shows the successor, says in a line of its own what happened, when and why, and names the reason in its head.
    let taken_over = format!(
        "const heading = document.querySelector('h1').textContent.trim();
         const because = (text) => {causes}.some((cause) => text.includes(cause));
         const lines = [...document.querySelectorAll('#happened li')].map((line) => line.textContent);
         const told = lines.filter((line) => /^\\d+:\\d\\d:\\d\\d/.test(line) && because(line)
             && (line.includes(`${{heading}} is the representative now`)
                 || line.includes(`${{heading}} has taken over at this address from {name}`)));
         const head = document.querySelector('#standing [data-standing=representative]');
         return document.querySelector('#mine').dataset.id !== {killed:?}
             && document.querySelector('#lost').hidden
             && told.length === 1
             && !head.hidden
             && /since .*\\d+:\\d\\d:\\d\\d/.test(head.textContent) && because(head.textContent)
             && document.querySelectorAll('.tile').length === 1"
    );
    browser
        .until(
            "the page shows the new representative, and says why",
            &taken_over,
        )
        .await;
    shows_a_moving_picture(&browser, "#mine .frame").await;
    let unbroken = format!("return window.unbroken && location.href === {url:?}");
    browser
        .until("it is the same page at the same address", &unbroken)
        .await;

    let successor = text(
        &browser,
        "return document.querySelector('#mine').dataset.id",
    )
    .await;
    demo.type_line("p");
    let back = format!(
        "const tile = document.querySelector('.tile[data-id={killed:?}]');
         return tile?.querySelector('.badge.representative').hidden === true
             && tile.querySelector('.name a').href !== ''"
    );
    browser
        .until("the camera is listed again, as a member", &back)
        .await;
    shows_a_moving_picture(&browser, &format!(".tile[data-id={killed:?}] .frame")).await;
    assert_eq!(
        text(
            &browser,
            "return document.querySelector('#mine').dataset.id"
        )
        .await,
        successor,
        "the camera that came back left the office where it was"
    );

    demo.type_line("q");
    browser
        .until(
            "the page says that its camera does not answer",
            "return !document.querySelector('#lost').hidden",
        )
        .await;
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

/// That nothing on the pages so far was forbidden by their policy (the browser calls that a security matter).
async fn breaks_no_policy(browser: &Browser) {
    let complaints = browser.complaints().await;
    let forbidden: Vec<_> = complaints
        .iter()
        .filter(|line| {
            ["security", "Policy", "BLOCKED"]
                .iter()
                .any(|word| line.contains(word))
        })
        .collect();
    assert!(forbidden.is_empty(), "{forbidden:#?}");
}

#[tokio::test]
async fn the_pages_work_under_their_policy_with_thumbnails_button_and_pictures_alone() {
    let Some(browser) = Browser::start(Window::Desk).await else {
        return;
    };
    let (demo, url) = demo();
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
    let back = "return document.querySelectorAll('.tile').length === 1 && document.querySelector('#lost').hidden";
    browser.until("the page finds the successor", back).await;
    for path in ["camera", "snapshot.jpg"] {
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

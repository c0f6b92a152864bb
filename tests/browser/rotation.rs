//! The plug is pulled, and the open page finds the next representative.

use porthole_election::Cause;

use crate::browser::{Browser, Window};
use crate::demo::{demo, shows_a_moving_picture, text};

/// Every cause for which leadership passes from one camera to another.
const CAUSES: [Cause; 4] = [
    Cause::Withdrawal,
    Cause::MissedHeartbeats,
    Cause::UnansweredProbes,
    Cause::LeaseLost,
];

#[tokio::test]
async fn when_the_plug_is_pulled_the_open_page_finds_the_next_representative_by_itself() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
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
    // It shows the successor, says in a line of its own what happened, when and why, and names the
    // reason in its head.
    let taken_over = format!(
        "const heading = document.querySelector('h1').textContent.trim();
         const because = (text) => {causes}.some((cause) => text.includes(cause));
         const lines = [...document.querySelectorAll('#happened li')]
             .map((line) => line.textContent);
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
        "the camera that came back left leadership where it was"
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

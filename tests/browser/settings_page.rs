//! The settings of a camera: by keyboard, with what is wrong said beside the field.

use crate::browser::{Browser, Window};
use crate::demo::{admin_demo, admin_on_lan, text};

/// What has the focus, by its id.
async fn focus(browser: &Browser) -> String {
    text(browser, "return document.activeElement.id ?? ''").await
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_what_is_right_is_kept() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (_demo, url) = admin_demo(&browser).await;
    let page = format!("{url}settings");
    browser.client.goto(&page).await.expect("the page opens");
    browser
        .until(
            "the values have come",
            "return document.querySelector('#width').value !== ''
                 && !document.querySelector('#status').hidden",
        )
        .await;

    // Reached by Tab alone, from the top of the page.
    let mut seen = Vec::new();
    while focus(&browser).await != "name" {
        browser.type_keys("\u{e004}").await;
        seen.push(focus(&browser).await);
        assert!(seen.len() < 20, "Tab does not lead to the name: {seen:?}");
    }
    browser
        .type_keys(&format!("{}\u{e007}", "x".repeat(65)))
        .await;
    browser
        .until("the name is refused", &blamed("name", "64"))
        .await;
    // What was refused is selected: typing takes its place.
    browser.type_keys("Front door\u{e007}").await;
    browser
        .until(
            "the name is kept, and the page has it",
            "return document.querySelector('#name-problem').hidden
                 && !document.querySelector('#name').hasAttribute('aria-invalid')
                 && document.querySelector('#whose').textContent === 'Front door'
                 && document.querySelector('#name-form .outcome').textContent !== ''",
        )
        .await;

    browser.select("#quality").await;
    browser.type_keys("900\u{e007}").await;
    browser
        .until("the quality is refused", &blamed("quality", "100"))
        .await;
    browser.type_keys("60\u{e007}").await;
    browser
        .until(
            "the quality is kept",
            "return document.querySelector('#quality-problem').hidden
                 && document.querySelector('#picture-form .outcome').textContent.includes('kept')",
        )
        .await;
    browser.client.goto(&page).await.expect("the page opens");
    browser
        .until(
            "both are there after a reload",
            "return document.querySelector('#name').value === 'Front door'
                 && document.querySelector('#quality').value === '60'",
        )
        .await;
    browser.client.close().await.expect("the session ends");
}

/// That the field has the focus, is marked, and that these words stand in what describes it.
fn blamed(field: &str, words: &str) -> String {
    format!(
        "const input = document.querySelector('#{field}');
         const problem = document.querySelector('#{field}-problem');
         return !problem.hidden && problem.textContent.includes({words:?})
             && document.activeElement === input
             && input.getAttribute('aria-invalid') === 'true'
             && input.getAttribute('aria-describedby').split(' ').includes(problem.id)"
    )
}

#[tokio::test]
async fn the_switch_takes_the_camera_off_the_router_and_back() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (demo, url) = admin_on_lan(&browser).await;
    let page = format!("{url}settings");
    browser.client.goto(&page).await.expect("the page opens");
    let is = |on: bool| {
        let words = if on { "on" } else { "off" };
        format!(
            "const input = document.querySelector('#exposure');
             return input.offsetParent !== null && input.checked === {on}
                 && !document.querySelector('#exposure-hint [data-when={words}]').hidden"
        )
    };
    browser.until("it is exposed", &is(true)).await;
    let focused = "document.querySelector('#exposure').focus(); return true";
    browser.until("the switch has the focus", focused).await;
    browser.type_keys(" ").await;
    browser
        .until("the switch is off, and says what that means", &is(false))
        .await;
    demo.line_after("deleted");
    let noticed = "return /exposure/i.test(document.querySelector('#notices').textContent)";
    browser
        .until("a notice says so on every page", noticed)
        .await;
    browser.type_keys(" ").await;
    browser.until("the switch is on again", &is(true)).await;
    browser.client.close().await.expect("the session ends");
}

#[tokio::test]
async fn who_would_lose_the_page_by_switching_exposure_off_is_asked_once_more() {
    let Some(browser) = Browser::start(Window::Phone).await else {
        return;
    };
    let (_demo, url) = admin_demo(&browser).await;
    let page = format!("{url}settings");
    browser.client.goto(&page).await.expect("the page opens");
    let with_remote_access = "const input = document.querySelector('#exposure');
        return input.offsetParent !== null && input.checked";
    browser.until("it is exposed", with_remote_access).await;
    let focused = "document.querySelector('#exposure').focus(); return true";
    browser.until("the switch has the focus", focused).await;
    browser.type_keys(" ").await;
    let asked = "return document.querySelector('#confirm-off').open";
    browser.until("it asks", asked).await;
    browser.type_keys("\u{e00c}").await; // Escape
    let kept = "const input = document.querySelector('#exposure');
        return !document.querySelector('#confirm-off').open && input.checked
            && fetch('/api/v1/exposure')
                .then((answer) => answer.json())
                .then(({ enabled }) => enabled)";
    browser.until("it is as it was", kept).await;
    browser.client.close().await.expect("the session ends");
}

#[tokio::test]
async fn what_the_router_does_unlike_others_is_told_with_what_to_do() {
    let Some(browser) = Browser::start(Window::Desktop).await else {
        return;
    };
    let (_demo, url) = admin_demo(&browser).await;
    let page = format!("{url}settings");
    browser.client.goto(&page).await.expect("the page opens");
    let shown = "return !document.querySelector('#status').hidden
                     && document.querySelector('[data-fact=router]').textContent !== ''";
    browser.until("the status has come", shown).await;
    // As on a router that is read badly.
    let odd = "const [{ showStatus }, answer] = [
                   await import(document.querySelector('script[type=module]').src
                       .replace(/settings\\.js/, 'status.js')),
                   await (await fetch('/api/v1/status')).json()];
               answer.router.class = 'unreadable';
               answer.router.traits = [{ name: 'a', words: 'It is odd.', remedy: 'Do this.' },
                                       { name: 'b', words: 'It is <b>.', remedy: null }];
               showStatus(answer);
               return document.querySelector('[data-fact=traits]').innerText
                   + document.querySelector('[data-fact=class]').innerText";
    let told = text(&browser, odd).await;
    assert!(
        told.starts_with("It is odd. Do this.\nIt is <b>."),
        "{told}"
    );
    assert!(told.contains("does not show whose"), "{told}");
}

//! The pages for who uses them otherwise: axe-core's rules on each page in light and dark, and 320
//! pixels of width.
//!
//! axe-core (Deque, MPL-2.0) is not ours to carry: `scripts/setup test` fetches it into
//! `target/axe/`.

use std::io::Write as _;

use serde_json::Value;

use crate::browser::{Browser, Window};
use crate::demo::{admin_demo, text};

const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/axe/axe.min.js");

/// The pages that a person sees.
const PAGES: [&str; 3] = ["", "camera", "settings"];

#[tokio::test]
async fn axe_finds_nothing_wrong_with_any_page_in_light_or_dark() {
    let Ok(axe) = std::fs::read_to_string(AXE) else {
        // Not `eprintln!`: the test harness would swallow it.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {AXE} is not there (scripts/setup test fetches it), so no rule was checked"
        );
        return;
    };
    for window in [Window::Desktop, Window::Dark, Window::Phone] {
        let Some(browser) = Browser::start(window).await else {
            return;
        };
        let (_demo, url) = admin_demo(&browser).await;
        for page in PAGES {
            let page = format!("{url}{page}");
            browser.client.goto(&page).await.expect("the page opens");
            let ready = "return document.querySelector('.frame')?.dataset.picture === 'fresh'
                || document.querySelector('#status')?.hidden === false";
            browser.until("the page is filled in", ready).await;
            let wrong = check(&browser, &axe).await;
            assert!(wrong.is_empty(), "{window:?} {page}: {wrong:#?}");
        }
        browser.client.close().await.expect("the session ends");
    }
}

/// What axe has against the page: the rule, and where.
async fn check(browser: &Browser, axe: &str) -> Vec<String> {
    let loaded = browser.client.execute(axe, Vec::new()).await;
    loaded.expect("axe is a script");
    let run = "const done = arguments[arguments.length - 1];
        axe.run(document, { runOnly: [
            'wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice',
        ] })
            .then(({ passes, violations }) => done({
                passes: passes.length,
                violations: violations.map(
                    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`) }))
            .catch((error) => done({ passes: 0, violations: [String(error)] }))";
    let found = browser.client.execute_async(run, Vec::new()).await;
    let found = found.expect("axe ends");
    let passes = found["passes"].as_u64().unwrap_or_default();
    assert!(passes > 10, "axe looked at the page: {found}");
    let violations = found["violations"].as_array().cloned();
    let violations = violations.unwrap_or_default().into_iter();
    violations
        .map(|violation| {
            violation
                .as_str()
                .map_or_else(|| violation.to_string(), str::to_owned)
        })
        .collect()
}

#[tokio::test]
async fn nothing_is_wider_than_320_pixels_and_every_target_is_large_enough_for_a_finger() {
    let Some(browser) = Browser::start(Window::SmallPhone).await else {
        return;
    };
    let (_demo, url) = admin_demo(&browser).await;
    for page in PAGES {
        let page = format!("{url}{page}");
        browser.client.goto(&page).await.expect("the page opens");
        let ready = "return document.querySelector('.frame')?.dataset.picture === 'fresh'
            || document.querySelector('#status')?.hidden === false";
        browser.until("the page is filled in", ready).await;
        let widths = "const { scrollWidth, clientWidth } = document.documentElement;
            return `${clientWidth} ${scrollWidth <= clientWidth}`";
        assert_eq!(text(&browser, widths).await, "320 true", "{page}");
        let small = browser
            .client
            .execute(
                "const targets = 'button, select, input:not([type=checkbox]), nav a';
                 return [...document.querySelectorAll(targets)]
                    .filter((target) => target.offsetParent !== null)
                    .filter((target) => target.getBoundingClientRect().height < 43.5)
                    .map((target) => target.outerHTML)",
                Vec::new(),
            )
            .await
            .expect("a list");
        assert_eq!(small, Value::Array(Vec::new()), "{page}");
    }
    browser.client.close().await.expect("the session ends");
}

//! `porthole demo` for a test, and what tests ask of its pages.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::browser::{Browser, Process};

/// Keeps the ports of this file's tests, which run at the same time, apart.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// `porthole demo` with three cameras, and the address it tells a person to open.
pub(crate) fn demo() -> (Process, String) {
    started(Command::new(env!("CARGO_BIN_EXE_porthole")))
}

/// The same, with this admin password: the environment goes before what the demo sets.
fn demo_with_password(password: &str) -> (Process, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_porthole"));
    command.env("PORTHOLE__AUTH__ADMIN_PASSWORD", password);
    started(command)
}

fn started(mut command: Command) -> (Process, String) {
    // Below the ports that the kernel lends to outgoing connections: the browser's own would take
    // the ports behind it, which the other cameras are to have.
    let free =
        |port: u16| (port..port + 3).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    // Most likely no other process looks at the same ones.
    let process = u16::try_from(std::process::id() % 250).expect("below 250");
    let start = 20_000 + process * 40 + NEXT.fetch_add(10, Ordering::Relaxed);
    let port = (start..31_000).step_by(40).find(|port| free(*port));
    let port = port.expect("three free ports in a row").to_string();
    let demo = Process::start(command.args(["demo", "--cameras", "3", "--port", &port]));
    let url = format!("http://{}", demo.line_after("Open http://"));
    (demo, url)
}

/// The same, where nobody may watch without a login.
pub(crate) fn closed_demo(viewer: &str) -> (Process, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_porthole"));
    command.env("PORTHOLE__AUTH__PUBLIC_VIEW", "false");
    command.env("PORTHOLE__AUTH__VIEWER_PASSWORD", viewer);
    started(command)
}

/// The same, with the browser logged in as admin on all three.
pub(crate) async fn admin_demo(browser: &Browser) -> (Process, String) {
    let (demo, url) = demo_with_password(PASSWORD);
    log_in(browser, &url, "admin", PASSWORD).await;
    (demo, url)
}

/// The same, on the LAN of the camera that serves the page.
pub(crate) async fn admin_on_lan(browser: &Browser) -> (Process, String) {
    let (demo, _) = admin_demo(browser).await;
    let found =
        "return fetch('/api/v1/status').then((answer) => answer.json()).then(({ lan_url }) => {
        window.lan = lan_url; return Boolean(lan_url) })";
    browser.until("it has an address on the LAN", found).await;
    let lan = text(browser, "return window.lan").await;
    log_in(browser, &lan, "admin", PASSWORD).await;
    (demo, lan)
}

/// What the demo's admin types into the login page.
const PASSWORD: &str = "demo-for-a-test";

/// Fills in the login page and waits for the fleet's.
pub(crate) async fn log_in(browser: &Browser, url: &str, user: &str, password: &str) {
    let login = format!("{url}login");
    browser.client.goto(&login).await.expect("the page opens");
    let choice = browser.find(&format!("input[value={user}]")).await;
    choice.click().await.expect("it can be chosen");
    let field = browser.find("#password").await;
    let typed = field.send_keys(&format!("{password}\u{e007}")).await;
    typed.expect("it can be typed into");
    let inside =
        format!("return location.pathname === '/' && document.body.dataset.access === '{user}'");
    browser.until("somebody is logged in", &inside).await;
}

/// That the picture in `frame` has come, moves, and is not an old one that the page has dimmed.
pub(crate) async fn shows_a_moving_picture(browser: &Browser, frame: &str) {
    let fresh = format!(
        "const frame = document.querySelector('{frame}');
         return frame.dataset.picture === 'fresh' && frame.querySelector('img').naturalWidth > 0"
    );
    let what = format!("{frame} shows a picture");
    browser.until(&what, &fresh).await;
    browser.until_it_moves(frame).await;
    browser.until(&what, &fresh).await;
}

/// What `script`, the body of a function, returns, as text.
pub(crate) async fn text(browser: &Browser, script: &str) -> String {
    let answer = browser.client.execute(script, Vec::new()).await;
    let answer = answer.expect("the script runs");
    answer
        .as_str()
        .unwrap_or_else(|| panic!("{script} returned {answer}"))
        .to_owned()
}

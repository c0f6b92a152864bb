//! A real browser for a test: chromedriver on a port of its own, Chromium with a profile of its
//! own.
//!
//! Everything it starts ends with it, also when the test fails: chromedriver by its process id, and
//! Chromium, which chromedriver puts into other process groups, by the profile folder in its
//! command line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
const CHROMIUM: &str = "/usr/bin/chromium";

/// How long a condition may take to come true. It bounds a failure; no test passes by it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A started child whose output is read line by line, so that it never blocks on a full pipe.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    lines: mpsc::Receiver<String>,
}

impl Process {
    /// Starts `command` with its standard output read here, and its standard input at hand.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let input = child.stdin.take().expect("it was asked for just above");
        let output = child.stdout.take().expect("it was asked for just above");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // The test may have stopped listening; the pipe is still emptied.
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            input,
            lines,
        }
    }

    /// Types a line into its standard input.
    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the process reads its standard input");
    }

    /// What follows `opening` on the first line that contains it.
    pub(crate) fn line_after(&self, opening: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|error| {
                panic!("no line with {opening:?} from {:?}: {error}", self.child)
            });
            if let Some((_, rest)) = line.split_once(opening) {
                return rest.trim().to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first, so that it can end what it started itself.
        kill("-TERM", self.child.id());
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(signal: &str, pid: u32) {
    let _ = Command::new("kill")
        .args([signal, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// How large the browser's window is, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Window {
    /// 1280 by 900.
    Desktop,
    /// The same, and the visitor likes it dark.
    Dark,
    /// 390 by 844, and the page is told that it is on a phone.
    Phone,
    /// 320 by 568: the narrowest that there is, and what 200 % of zoom leaves of a desktop's
    /// window.
    SmallPhone,
}

/// A browser with one window.
pub(crate) struct Browser {
    /// The session, for what the helpers below do not cover.
    pub(crate) client: Client,
    // In this order: first chromedriver ends, then its Chromium, then the profile goes.
    _driver: Process,
    _chromium: Profile,
}

impl Browser {
    /// A fresh browser, or nothing, said aloud, where this machine has none.
    pub(crate) async fn start(window: Window) -> Option<Self> {
        for program in [CHROMEDRIVER, CHROMIUM] {
            if !Path::new(program).exists() {
                // Not `eprintln!`: the test harness would swallow it.
                let _ = writeln!(
                    std::io::stderr(),
                    "SKIPPED: {program} is not on this machine, so nothing was tested in a browser"
                );
                return None;
            }
        }
        let profile = Profile(TempDir::new().expect("a folder for the profile"));
        let driver = Process::start(
            Command::new(CHROMEDRIVER)
                .arg("--port=0")
                .stderr(Stdio::null()),
        );
        let port = driver.line_after("started successfully on port ");
        let port = port.trim_end_matches('.');
        let mut capabilities = json!({
            // A page with a stream in it need not ever finish loading.
            "pageLoadStrategy": "eager",
            "goog:loggingPrefs": { "browser": "ALL" },
            // The cameras make their certificates themselves.
            "acceptInsecureCerts": true,
            "goog:chromeOptions": {
                "binary": CHROMIUM,
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu",
                    "--disable-background-networking",
                    "--disable-component-update", "--disable-sync", "--window-size=1280,900",
                    format!("--user-data-dir={}", profile.0.path().display()),
                ],
            },
        });
        // A window of Chromium's is never narrower than 500 pixels; only an emulated screen is.
        let screen = |width: u16, height: u16| {
            let metrics = json!({ "width": width, "height": height, "pixelRatio": 1.0 });
            json!({ "deviceMetrics": metrics })
        };
        let options = &mut capabilities["goog:chromeOptions"];
        match window {
            Window::Desktop => {}
            Window::Dark => {
                // Blink::mojom::PreferredColorScheme.
                let dark = json!("--blink-settings=preferredColorScheme=0");
                if let Value::Array(args) = &mut options["args"] {
                    args.push(dark);
                }
            }
            Window::Phone => options["mobileEmulation"] = screen(390, 844),
            Window::SmallPhone => options["mobileEmulation"] = screen(320, 568),
        }
        let Value::Object(capabilities) = capabilities else {
            unreachable!("written as an object above")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser session");
        Some(Self {
            client,
            _driver: driver,
            _chromium: profile,
        })
    }

    /// The one element for this CSS selector, waited for.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE);
        found
            .for_element(Locator::Css(css))
            .await
            .unwrap_or_else(|error| panic!("no {css} on the page: {error}"))
    }

    /// Puts the focus into a field, with all of its text selected, so that what is typed takes its
    /// place.
    pub(crate) async fn select(&self, css: &str) {
        let script = format!(
            "const field = document.querySelector('{css}');
             field.focus(); field.select(); return true"
        );
        self.until(&format!("{css} can be typed into"), &script)
            .await;
    }

    /// Types into whatever has the focus, as a keyboard does.
    pub(crate) async fn type_keys(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("a focus");
        focused.send_keys(keys).await.expect("it takes keys");
    }

    /// The number of elements for this CSS selector now.
    pub(crate) async fn count(&self, css: &str) -> usize {
        let all = self.client.find_all(Locator::Css(css)).await;
        all.expect("a list of elements").len()
    }

    /// What the browser itself has complained of since this was asked last: of policies that a page
    /// broke, of headers that it does not respect, of what could not be loaded.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(ReadLog).await.expect("the log");
        let entries = log.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .map(|entry| format!("{} {}", entry["source"], entry["message"]))
            .collect()
    }

    /// Waits until `script`, the body of a function, returns true.
    pub(crate) async fn until(&self, what: &str, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        // A navigation under way makes a script fail: asked again, until the deadline names the
        // last answer.
        loop {
            let answer = self.client.execute(script, Vec::new()).await;
            if matches!(answer, Ok(Value::Bool(true))) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "not so within {PATIENCE:?}: {what} ({answer:?})"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until what the element looks like has changed; `css` must name an element of fixed
    /// size.
    pub(crate) async fn until_it_moves(&self, css: &str) {
        let deadline = Instant::now() + PATIENCE;
        let element = self.find(css).await;
        let first = element.screenshot().await.expect("a screenshot");
        while element.screenshot().await.expect("a screenshot") == first {
            assert!(
                Instant::now() < deadline,
                "{css} looks the same for {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Chromedriver's own command for the browser's log.
#[derive(Debug)]
struct ReadLog;

impl WebDriverCompatibleCommand for ReadLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "type": "browser" }).to_string();
        (Method::POST, Some(body))
    }
}

/// The browser's own profile folder; whoever still runs with it is ended with it.
struct Profile(TempDir);

impl Drop for Profile {
    fn drop(&mut self) {
        let mark = format!("--user-data-dir={}", self.0.path().display());
        let Ok(processes) = std::fs::read_dir("/proc") else {
            return;
        };
        for process in processes.flatten() {
            let name = process.file_name();
            let pid = name.to_str().and_then(|name| name.parse().ok());
            let (Some(pid), Ok(command)) = (pid, std::fs::read(process.path().join("cmdline")))
            else {
                continue;
            };
            if String::from_utf8_lossy(&command).contains(&mark) {
                kill("-KILL", pid);
            }
        }
    }
}

//! A camera: the real `porthole run` at a place, with its own settings, data and log.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::client::{Answer, Client};
use super::{Host, Place};
use crate::support::wait::{ensure, eventually};

/// Where a camera listens unless `router.port_mode` is `common`; then it follows its external port
/// from here up.
const FIRST_PORT: u16 = 8080;
const PORTS_IN_USE: u16 = 8;

/// The password of the user `admin` of every camera of the lab.
pub(crate) const ADMIN_PASSWORD: &str = "for the tests only";

/// Long enough for anything that does not wait for a lease, on a machine where everything else runs
/// too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A camera before its first start.
#[derive(Clone, Debug)]
pub(crate) struct CameraSetup {
    place: Place,
    address: Ipv4Addr,
    name: String,
    neighbour: Client,
    folder: PathBuf,
    /// Section, key and value as TOML writes it.
    settings: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

impl CameraSetup {
    pub(super) fn new(host: Host, name: &str, lab: &Path, neighbour: Client) -> Self {
        let folder = lab.join(host.namespace.name());
        let address = host.address;
        Self::at(Place::Host(host), address, name, folder, neighbour)
    }

    /// A camera of this machine itself, at an address of 127.0.0.0/8 of its own.
    pub(crate) fn here(address: Ipv4Addr, name: &str, test: &Path) -> Self {
        let folder = test.join(address.to_string());
        let setup = Self::at(Place::Here, address, name, folder, Client::new(Place::Here));
        setup.set("http", "bind", address.to_string())
    }

    fn at(place: Place, address: Ipv4Addr, name: &str, folder: PathBuf, neighbour: Client) -> Self {
        let data = folder.join("data");
        fs::create_dir_all(&data).expect("a folder for a camera");
        let setup = Self {
            place,
            address,
            name: name.to_owned(),
            neighbour,
            folder,
            settings: BTreeMap::new(),
        };
        setup
            .set("node", "name", name)
            .set("node", "data_dir", &*data.to_string_lossy())
            .set("router", "poll_interval", "1s")
            .set("router", "representative_lease", "6s")
            .set("lan", "mdns", false)
            .set("auth", "public_view", true)
            .set("auth", "admin_password", ADMIN_PASSWORD)
            .set("camera", "source", "test")
            .set("camera", "width", 320)
            .set("camera", "height", 240)
            .set("camera", "fps", 10)
            .set("debug", "allow_crash", true)
    }

    /// One setting, named as in the settings file; replaces what the lab sets by itself.
    pub(crate) fn set(
        mut self,
        section: &'static str,
        key: &'static str,
        value: impl Into<Value>,
    ) -> Self {
        // A JSON text, number, truth value or list of these is written the same in TOML.
        let value = value.into().to_string();
        self.settings.entry(section).or_default().insert(key, value);
        self
    }

    /// Writes the settings file and starts the program.
    pub(crate) fn start(self) -> Camera {
        let mut camera = self.install();
        camera.start();
        camera
    }

    /// Writes the settings file.
    pub(crate) fn install(self) -> Camera {
        let mut text = String::new();
        for (section, keys) in &self.settings {
            writeln!(text, "[{section}]").expect("a string takes all");
            for (key, value) in keys {
                writeln!(text, "{key} = {value}").expect("a string takes all");
            }
        }
        fs::write(self.folder.join("porthole.toml"), text).expect("a camera's settings");
        Camera {
            place: self.place,
            address: self.address,
            name: self.name,
            neighbour: self.neighbour,
            folder: self.folder,
            port: Cell::new(FIRST_PORT),
            process: None,
        }
    }
}

/// A camera of the lab, running or not. Dropping it ends its process, and shows its log where the
/// test has failed.
pub(crate) struct Camera {
    pub(crate) name: String,
    place: Place,
    address: Ipv4Addr,
    neighbour: Client,
    folder: PathBuf,
    /// Where it answered last.
    port: Cell<u16>,
    process: Option<Child>,
}

impl Camera {
    /// Starts the program, with the settings and the data of before.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .expect("a camera's log");
        let errors = log.try_clone().expect("a camera's log, twice");
        let mut command = Command::new(env!("CARGO_BIN_EXE_porthole"));
        command
            .arg("run")
            .arg("--config")
            .arg(self.settings())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let process = self.place.run(|| command.spawn());
        self.process = Some(process.expect("porthole starts"));
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("a running process can be killed");
        process.wait().expect("a killed process ends");
    }

    /// Asks the process to end (SIGTERM) and waits until it has.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let pid = self.process.as_ref().expect("it runs").id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.expect("kill runs").success(), "kill -TERM {pid}");
        self.wait_for_end()
    }

    /// Waits until the process has ended by itself.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it runs");
        eventually("the process ends", PATIENCE, || {
            process
                .try_wait()
                .expect("a child can be waited for")
                .ok_or("it runs")
        })
    }

    /// Panics the test if the process has ended without being asked.
    #[track_caller]
    pub(crate) fn expect_running(&mut self) {
        let process = self.process.as_mut().expect("it was started");
        if let Some(status) = process.try_wait().expect("a child can be waited for") {
            panic!("{} has ended: {status}", self.name);
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Its address on the LAN.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Gives its host another address.
    pub(crate) fn move_to(&mut self, address: Ipv4Addr) {
        self.host().take_address(address);
        self.address = address;
    }

    /// Pulls its host's cable.
    pub(crate) fn unplug(&self) {
        self.host().unplug();
    }

    /// Puts it back.
    pub(crate) fn plug_in(&self) {
        self.host().plug_in();
    }

    fn host(&self) -> &Host {
        match &self.place {
            Place::Host(host) => host,
            Place::Here | Place::Inside(_) => {
                panic!("only a host of the lab has cable and address")
            }
        }
    }

    /// Its settings file.
    pub(crate) fn settings(&self) -> PathBuf {
        self.folder.join("porthole.toml")
    }

    /// Its data directory, unless it was told another.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// GET from the neighbour's host, as the admin.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, String> {
        let first = self.port.get();
        let neighbour = self.neighbour.as_admin();
        let others = (FIRST_PORT..FIRST_PORT + PORTS_IN_USE).filter(|port| *port != first);
        let mut refused = String::new();
        for port in std::iter::once(first).chain(others) {
            match neighbour.get(&self.url(port, path)) {
                Ok(answer) => {
                    self.port.set(port);
                    return Ok(answer);
                }
                Err(error) if port == first => refused = error,
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// A command of the admin from the neighbour's host, at the port where the camera answered
    /// last.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Result<Answer, String> {
        let url = self.url(self.port.get(), path);
        self.neighbour.as_admin().send(method, &url, body)
    }

    /// GET from its own host by loopback, for when it has no address.
    pub(crate) fn get_by_loopback(&self, path: &str) -> Result<Answer, String> {
        let client = Client::new(self.place.clone()).as_admin();
        client.get(&format!("http://127.0.0.1:{}{path}", self.port.get()))
    }

    fn url(&self, port: u16, path: &str) -> String {
        format!("http://{}:{port}{path}", self.address)
    }

    /// `/api/v1/status`.
    pub(crate) fn status(&self) -> Result<Status, String> {
        self.get("/api/v1/status")?.json()
    }

    /// The status once it is as `expected` says; what is `awaited` is told when that never comes.
    #[track_caller]
    pub(crate) fn await_status(
        &self,
        awaited: &str,
        limit: Duration,
        expected: impl Fn(&Status) -> bool,
    ) -> Status {
        eventually(&format!("{}: {awaited}", self.name), limit, || {
            let status = self.status()?;
            ensure(expected(&status), format!("{status:?}")).map(|()| status)
        })
    }

    /// The status once it has this external port.
    #[track_caller]
    pub(crate) fn await_port(&self, port: u16) -> Status {
        self.await_status(&format!("holds port {port}"), PATIENCE, |status| {
            status.external_port() == Some(port)
        })
    }

    /// The status once it represents the others.
    #[track_caller]
    pub(crate) fn await_leadership(&self) -> Status {
        self.await_status("is the representative", PATIENCE, |status| {
            status.role == Role::Representative && status.external_port() == Some(8080)
        })
    }

    /// Makes one of its actors panic.
    #[track_caller]
    pub(crate) fn crash(&self, actor: &str) {
        let url = self.url(self.port.get(), &format!("/api/v1/debug/crash/{actor}"));
        let answer = self.neighbour.post(&url).expect("the crash is ordered");
        assert_eq!(answer.status, 202, "{url}: {}", answer.text());
    }

    /// The value of one series of `/metrics`, named as it stands there.
    pub(crate) fn metric(&self, series: &str) -> Result<f64, String> {
        let answer = self.get("/metrics")?;
        let text = answer.text();
        text.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .ok_or_else(|| format!("no {series} in {} /metrics", answer.status))?
            .parse()
            .map_err(|error| format!("{series}: {error}"))
    }

    /// All that it tells people about troubles: the router's problem and the notices of its page.
    pub(crate) fn words(&self) -> Result<String, String> {
        let fleet: Value = self.get("/api/v1/cameras")?.json()?;
        let notices = fleet["notices"].as_array().into_iter().flatten();
        let mut words: Vec<_> = notices
            .filter_map(|notice| notice["text"].as_str().map(str::to_owned))
            .collect();
        words.extend(self.status()?.router.problem);
        Ok(words.join("\n"))
    }

    /// Waits until it tells of a trouble with all of these words, in any case of letters.
    #[track_caller]
    pub(crate) fn await_words(&self, expected: &[&str]) -> String {
        let what = format!("{} says {expected:?}", self.name);
        eventually(&what, PATIENCE, || {
            let words = self.words()?;
            let lower = words.to_lowercase();
            ensure(expected.iter().all(|word| lower.contains(word)), &words)?;
            Ok::<_, String>(words)
        })
    }

    /// What it wrote.
    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        if std::thread::panicking() {
            show_log(&self.name, &self.log(), 150);
        }
    }
}

/// Prints the last lines of a log, for a test that fails.
pub(super) fn show_log(whose: &str, log: &Path, lines: usize) {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let skipped = text.lines().count().saturating_sub(lines);
    println!("---- the log of {whose} ({skipped} earlier lines left out) ----");
    for line in text.lines().skip(skipped) {
        println!("{line}");
    }
}

/// `/api/v1/status`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) term: u64,
    pub(crate) external_url: Option<String>,
    pub(crate) lan_url: Option<String>,
    pub(crate) lease: Option<Lease>,
    pub(crate) router: RouterStatus,
}

impl Status {
    /// The port of its external URL.
    pub(crate) fn external_port(&self) -> Option<u16> {
        let (_scheme, rest) = self.external_url.as_ref()?.split_once("://")?;
        let (_host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
        port.parse().ok()
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Representative,
    Member,
    Alone,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Lease {
    pub(crate) port: u16,
    /// None for a mapping without an end.
    pub(crate) granted_seconds: Option<u32>,
    pub(crate) expires_at: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RouterStatus {
    pub(crate) state: RouterState,
    pub(crate) external_address: Option<String>,
    pub(crate) problem: Option<String>,
    pub(crate) class: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RouterState {
    Searching,
    Found,
    Lost,
    Disabled,
}

impl fmt::Display for RouterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

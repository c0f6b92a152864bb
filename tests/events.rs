//! `/api/v1/events` of real servers on loopback: it outlives the actors behind it, resumes, is
//! bounded, and does not keep the program from ending.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use porthole::http::SEATS_OF_ONE_ADDRESS;
use serde_json::Value;
use ureq::http::Request;

#[path = "support/wait.rs"]
#[allow(dead_code, reason = "this file waits for a few things only")]
mod wait;

/// How long anything may take. It bounds a failure; no test passes by it.
const PATIENCE: Duration = Duration::from_secs(20);

const PORT: u16 = 8080;

/// A server without a router, on an address of loopback that nobody else has; ended when dropped.
struct Server {
    process: Child,
    url: String,
    _data: tempfile::TempDir,
}

impl Server {
    fn start(host: u8) -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 64 | high & 63, low, host);
        // 1 and 2 hear each other, 3 and 4 do: the tests run at the same time.
        let group = Ipv4Addr::new(239, 200 + host.div_ceil(2), high, low);
        let data = tempfile::tempdir().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_porthole"))
            .arg("run")
            .env("PORTHOLE__NODE__DATA_DIR", data.path())
            .env("PORTHOLE__NODE__NAME", format!("Camera {host}"))
            .env("PORTHOLE__HTTP__BIND", address.to_string())
            .env("PORTHOLE__HTTP__PORT", PORT.to_string())
            .env("PORTHOLE__ROUTER__ENABLED", "false")
            .env("PORTHOLE__LAN__MDNS", "false")
            .env("PORTHOLE__LAN__HEARTBEAT", "1s")
            .env("PORTHOLE__LAN__GROUP", format!("{group}:8079"))
            .env("PORTHOLE__CAMERA__SOURCE", "test")
            .env("PORTHOLE__AUTH__PUBLIC_VIEW", "true")
            .env("PORTHOLE__AUTH__ADMIN_PASSWORD", "of this test")
            .env("PORTHOLE__DEBUG__ALLOW_CRASH", "true")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            process,
            url: format!("http://{address}:{PORT}"),
            _data: data,
        };
        wait::eventually("it is ready", PATIENCE, || {
            let answer = server.ask("GET", "/readyz", None)?;
            wait::ensure(answer.status() == 200, answer.status())
        });
        server
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<ureq::http::Response<ureq::Body>, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE * 2))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let answer = agent.run(request.body("").unwrap());
        answer.map_err(|why| why.to_string())
    }

    /// What is there, as JSON.
    fn json(&self, path: &str) -> Result<Value, String> {
        let mut answer = self.ask("GET", path, None)?;
        let body = answer.body_mut().read_to_string();
        let body = body.map_err(|why| why.to_string())?;
        serde_json::from_str(&body).map_err(|why| why.to_string())
    }

    /// Has it name the camera with this id.
    fn rename(&self, id: &str, name: &str) {
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        let request = agent
            .patch(format!("{}/api/v1/cameras/{id}", self.url))
            .config()
            .timeout_global(Some(PATIENCE))
            .build()
            .header("Content-Type", "application/json")
            // admin:of this test
            .header("Authorization", "Basic YWRtaW46b2YgdGhpcyB0ZXN0");
        let body = serde_json::json!({ "name": name }).to_string();
        assert_eq!(request.send(body).unwrap().status(), 200);
    }

    /// Listens; the beginning of the stream has come when this returns.
    fn listen(&self, last_event_id: Option<&str>) -> Events {
        let answer = self.ask("GET", "/api/v1/events", last_event_id).unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut events = Events(BufReader::new(Box::new(answer.into_body().into_reader())));
        let beginning = events.block().unwrap();
        assert_eq!(beginning[0], "retry: 1000");
        assert!(beginning[1].starts_with("id: "), "{beginning:?}");
        events
    }

    /// Asks it to end, and waits until it has.
    fn terminate(&mut self) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        let status = wait::eventually("it ends", PATIENCE, || {
            let status = self.process.try_wait().map_err(|why| why.to_string())?;
            status.ok_or_else(|| "it runs".to_owned())
        });
        status.code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An open stream of events.
struct Events(BufReader<Box<dyn std::io::Read>>);

impl Events {
    /// The lines up to the next empty one; nothing at the end of the stream.
    fn block(&mut self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) if line == "\n" => return Some(lines),
                Ok(_) => lines.push(line.trim_end().to_owned()),
                // The program ended: no last chunk, or a reset.
                Err(why) if why.kind() != ErrorKind::TimedOut => return None,
                Err(why) => panic!("nothing comes: {why}"),
            }
        }
    }

    /// The next event of a camera: its id and data.
    fn camera(&mut self) -> (String, Value) {
        loop {
            let block = self.block().expect("the stream goes on");
            let field = |name: &str| {
                let line = block.iter().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().trim().to_owned()
            };
            if field("event:") == "camera" {
                return (field("id:"), serde_json::from_str(&field("data:")).unwrap());
            }
        }
    }
}

#[test]
fn listeners_outlive_the_actors_and_resume_where_they_were() {
    let first = Server::start(1);
    let mut events = first.listen(None);
    for actor in ["registry", "election", "http"] {
        let path = format!("/api/v1/debug/crash/{actor}");
        assert_eq!(first.ask("POST", &path, None).unwrap().status(), 202);
    }
    let second = Server::start(2);
    let (id, data) = events.camera();
    assert_eq!(data["change"], "joined");
    assert_eq!(data["words"], "Camera 2 has joined.");
    assert_eq!(data["camera"]["url"], format!("{}/", second.url));

    // Who was away since before gets the same again; who heard it does not.
    let (run, sequence) = id.split_once('.').unwrap();
    let before = sequence.parse::<u64>().unwrap() - 1;
    let again = first.listen(Some(&format!("{run}.{before}"))).camera();
    assert_eq!(again, (id.clone(), data));
    let mut later = first.listen(Some(&id));
    drop(second);
    let (next, data) = later.camera();
    assert_eq!(data["words"], "Camera 2 has left.");
    assert_ne!(next, id);
}

#[test]
fn a_rename_is_told_on_every_camera() {
    let (first, second) = (Server::start(3), Server::start(4));
    let mut at_first = first.listen(None);
    let mut at_second = second.listen(None);
    let known = wait::eventually("the first hears the second", PATIENCE, || {
        let fleet: Value = first.json("/api/v1/cameras")?;
        let mut cameras = fleet["cameras"].as_array().into_iter().flatten();
        let other = cameras.find(|one| one["name"] == "Camera 4" && one["verified"] == true);
        other.cloned().ok_or_else(|| fleet.to_string())
    });
    let id = known["id"].as_str().unwrap();
    // Asked of one, it is the other's name.
    first.rename(id, "Küche");
    for events in [&mut at_first, &mut at_second] {
        let data = loop {
            let (_, data) = events.camera();
            if data["change"] == "renamed" {
                break data;
            }
        };
        assert_eq!(data["words"], "Camera 4 is called Küche now.");
        assert_eq!(data["camera"]["id"], id);
    }
}

#[test]
fn so_many_may_listen_one_more_is_refused_and_none_keeps_the_program_from_ending() {
    let mut server = Server::start(5);
    let mut listeners: Vec<_> = (0..SEATS_OF_ONE_ADDRESS)
        .map(|_| server.listen(None))
        .collect();
    let refused = server.ask("GET", "/api/v1/events", None).unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );

    listeners.pop();
    let mut last = wait::eventually("the seat is free again", PATIENCE, || {
        let answer = server.ask("GET", "/api/v1/events", None)?;
        wait::ensure(answer.status() == 200, answer.status())?;
        Ok::<_, String>(Events(BufReader::new(Box::new(
            answer.into_body().into_reader(),
        ))))
    });
    assert_eq!(server.terminate(), Some(0));
    while last.block().is_some() {}
}

//! An independent client, which knows TLS: curl.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::SystemTime;

use serde_json::Value;

use crate::support::lab::{Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};

/// What curl prints with these arguments; its complaint where it has one.
pub(crate) fn curl(arguments: &[&str]) -> Result<String, String> {
    let ran = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "10",
            "--noproxy",
            "*",
        ])
        .args(arguments)
        .output()
        .map_err(|why| format!("curl: {why}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure(ran.status.success(), text(&ran.stderr))?;
    Ok(text(&ran.stdout))
}

/// What `/api/v1/status` says through TLS, whatever the certificate.
pub(crate) fn status(camera: &Camera) -> Result<Value, String> {
    json(&secure(camera, "/api/v1/status"))
}

/// The JSON at an address, whatever the certificate.
pub(crate) fn json(url: &str) -> Result<Value, String> {
    let text = curl(&["--insecure", url])?;
    serde_json::from_str(&text).map_err(|why| format!("{why} in {text}"))
}

/// The address of a path of this camera, through TLS.
pub(crate) fn secure(camera: &Camera, path: &str) -> String {
    format!("https://{}:8080{path}", camera.address())
}

/// The status of a camera that speaks TLS, once it answers.
#[track_caller]
pub(crate) fn await_tls(camera: &Camera) -> Value {
    eventually("it answers through TLS", PATIENCE, || status(camera))
}

/// Somebody who watches a stream with curl.
pub(crate) struct Viewer {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Viewer {
    /// Begins to watch.
    pub(crate) fn watch(url: &str) -> Self {
        let mut process = Command::new("curl")
            .args(["--silent", "--insecure", "--no-buffer", "--noproxy", "*"])
            // A stream that moves less than a byte in 20 s is over.
            .args(["--speed-limit", "1", "--speed-time", "20", url])
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl starts");
        let output = process.stdout.take().expect("it was asked for just above");
        Self {
            process,
            output: BufReader::new(output),
        }
    }

    /// Reads on until so many more pictures have come.
    pub(crate) fn see(&mut self, pictures: usize) {
        for _ in 0..pictures {
            self.next();
        }
    }

    /// Reads on until a picture has come that was captured after this time: what was under way
    /// before is past then.
    pub(crate) fn see_later_than(&mut self, time: SystemTime) {
        let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        while self.next() <= time.as_secs_f64() {}
    }

    /// When the next picture was captured, in seconds since 1970.
    ///
    /// # Panics
    /// When the stream ends first. One that stands still is ended by the server or by curl.
    fn next(&mut self) -> f64 {
        loop {
            let mut line = Vec::new();
            let read = self.output.read_until(b'\n', &mut line);
            assert!(
                read.expect("a pipe can be read") > 0,
                "the stream has ended"
            );
            if let Some(value) = line.strip_prefix(b"X-Timestamp: ") {
                return String::from_utf8_lossy(value).trim().parse().unwrap();
            }
        }
    }

    /// Stops reading, as a machine does that is put to sleep: curl is halted where it stands.
    pub(crate) fn fall_asleep(&self) {
        let pid = self.process.id().to_string();
        let halted = Command::new("kill").args(["-STOP", &pid]).status();
        assert!(halted.expect("kill runs").success());
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

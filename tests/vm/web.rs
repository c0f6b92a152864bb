//! The outside: HTTP requests into the machine, and a reader of MJPEG streams.

use std::io::{BufRead, BufReader, Read};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::picture::Picture;

/// Bounds every wait; nothing is judged by how long it took.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer's status, media type and body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub media_type: String,
    pub(crate) body: Vec<u8>,
}

/// GETs `url`. QEMU accepts connections before the program listens and then drops them: that is an
/// error too.
pub(crate) fn get(url: &str) -> Result<Answer, String> {
    answer(agent(Duration::from_secs(20)).get(url).call())
}

fn answer(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut answer = answer.map_err(|e| e.to_string())?;
    let media_type = header(&answer, "content-type");
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_vec().map_err(|e| e.to_string())?;
    Ok(Answer {
        status,
        media_type,
        body,
    })
}

/// The admin and the password of `porthole.toml`, as Basic authentication has them.
const ADMIN: &str = "Basic YWRtaW46dW5wbHVnIGFuZCBwbHVn";

/// Sends a command with a JSON body, as the admin.
pub(crate) fn send(method: &str, url: &str, body: &Value) -> Result<Answer, String> {
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(url)
        .header("Content-Type", "application/json")
        .header("Authorization", ADMIN)
        .body(body.to_string())
        .map_err(|e| e.to_string())?;
    answer(agent(Duration::from_secs(20)).run(request))
}

/// GETs `url` as JSON.
pub(crate) fn get_json(url: &str) -> Result<Value, String> {
    let answer = get(url)?;
    serde_json::from_slice(&answer.body).map_err(|e| format!("{}: {e}", answer.status))
}

/// Asks again and again until `ask` has an answer; its refusals say what is missing.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(value) => return value,
            Err(missing) => {
                assert!(
                    Instant::now() < deadline,
                    "waited in vain until {what}: {missing}"
                );
                // Only so as not to take the processor from the machine that is being waited for.
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// An open `multipart/x-mixed-replace` stream.
pub(crate) struct Stream {
    body: BufReader<Box<dyn Read>>,
    delimiter: String,
    deadline: Instant,
}

/// One part of it.
pub(crate) struct Part {
    /// `X-Timestamp`, when the picture was captured, in microseconds since 1970.
    pub(crate) captured: u64,
    pub(crate) jpeg: Vec<u8>,
}

impl Stream {
    /// Opens the stream and checks its headers.
    pub(crate) fn open(url: &str) -> Self {
        let answer = agent(2 * PATIENCE)
            .get(url)
            .call()
            .expect("the stream opens");
        let media_type = header(&answer, "content-type");
        let (_, boundary) = media_type
            .strip_prefix("multipart/x-mixed-replace")
            .and_then(|rest| rest.split_once("boundary="))
            .unwrap_or_else(|| panic!("a stream of parts, not {media_type}"));
        Self {
            body: BufReader::new(Box::new(answer.into_body().into_reader())),
            delimiter: format!("--{}", boundary.trim_matches('"')),
            deadline: Instant::now() + PATIENCE,
        }
    }

    /// The next part. Fails when the stream ends, or stands still until the connection's time is
    /// up.
    pub(crate) fn part(&mut self) -> Part {
        self.whole_part().expect("the stream goes on")
    }

    /// The next part, or nothing where the stream has ended before it.
    fn whole_part(&mut self) -> Option<Part> {
        while self.line_or_end()? != self.delimiter {}
        let (mut length, mut captured) = (None, None);
        loop {
            let line = self.line_or_end()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a header");
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "content-type" => assert_eq!(value.trim(), "image/jpeg"),
                "x-timestamp" => captured = microseconds(value.trim()),
                _ => {}
            }
        }
        let mut jpeg = vec![0; length.expect("every part has its exact length")];
        self.body.read_exact(&mut jpeg).expect("a whole part");
        Some(Part {
            captured: captured.expect("every part has its time of capture"),
            jpeg,
        })
    }

    /// The first part that `is_wanted`; those before it are passed over.
    pub(crate) fn part_until(
        &mut self,
        what: &str,
        mut is_wanted: impl FnMut(&Part) -> bool,
    ) -> Part {
        self.deadline = Instant::now() + PATIENCE;
        loop {
            let part = self.part();
            if is_wanted(&part) {
                return part;
            }
            assert!(
                Instant::now() < self.deadline,
                "waited in vain until {what}"
            );
        }
    }

    /// Reads what is left, and says the size of each picture. Fails when the stream goes on for
    /// ever.
    pub(crate) fn sizes_until_the_end(mut self) -> Vec<(usize, usize)> {
        self.deadline = Instant::now() + PATIENCE;
        let mut sizes = Vec::new();
        while !self.body.fill_buf().expect("no failure").is_empty() {
            assert!(Instant::now() < self.deadline, "the stream does not end");
            // A part cut off by the end of the connection is the last one.
            let Some(part) = self.whole_part() else { break };
            let picture = Picture::decode(&part.jpeg);
            sizes.push((picture.width, picture.height));
        }
        sizes
    }

    fn line_or_end(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.body.read_line(&mut line).expect("no failure");
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

fn microseconds(stamp: &str) -> Option<u64> {
    let (seconds, fraction) = stamp.split_once('.')?;
    let fraction = format!("{fraction:0<6}");
    Some(seconds.parse::<u64>().ok()? * 1_000_000 + fraction.get(..6)?.parse::<u64>().ok()?)
}

fn agent(limit: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .build()
        .into()
}

fn header(answer: &ureq::http::Response<ureq::Body>, name: &str) -> String {
    let value = answer.headers().get(name).and_then(|v| v.to_str().ok());
    value.unwrap_or_default().to_owned()
}

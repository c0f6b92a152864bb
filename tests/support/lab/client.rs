//! A visitor: an HTTP client at a place, and a viewer of MJPEG streams that keeps count of the
//! gaps.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::header::AUTHORIZATION;
use ureq::http::{HeaderMap, Request};

use super::{ADMIN_PASSWORD, Place};

/// One request, from connecting to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// Pages and snapshots of the tests are far smaller.
const MOST: u64 = 8 * 1024 * 1024;

/// What a server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON of this shape; the error quotes the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("{error} in {} {}", self.status, self.text()))
    }

    /// The size of the JPEG picture that the body is; the error says what it is instead.
    pub(crate) fn picture_size(&self) -> Result<(usize, usize), String> {
        let kind = self.headers.get("content-type");
        if self.status != 200 || kind.is_none_or(|kind| kind != "image/jpeg") {
            return Err(format!("{} {kind:?}", self.status));
        }
        picture_size(&self.body)
    }
}

/// Decodes a whole JPEG and gives its width and height.
pub(crate) fn picture_size(jpeg: &[u8]) -> Result<(usize, usize), String> {
    turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB)
        .map(|image| (image.width, image.height))
        .map_err(|error| format!("not a sound JPEG of {} bytes: {error}", jpeg.len()))
}

/// A visitor somewhere. Every request makes a connection of its own.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    place: Place,
    /// What `Authorization` says, if anything.
    authorization: Option<String>,
}

impl Client {
    pub(crate) fn new(place: impl Into<Place>) -> Self {
        Self {
            place: place.into(),
            authorization: None,
        }
    }

    /// The same visitor, who sends user name and password with each request.
    pub(crate) fn with_password(&self, user: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        Self {
            authorization: Some(format!("Basic {credentials}")),
            ..self.clone()
        }
    }

    /// The same visitor, as the admin of the cameras of the lab.
    pub(crate) fn as_admin(&self) -> Self {
        self.with_password("admin", ADMIN_PASSWORD)
    }

    /// Any request; any status is an answer, a redirect too.
    pub(crate) fn ask(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request
            .body(body.to_owned())
            .map_err(|error| error.to_string())?;
        self.place
            .run(|| answer(agent(Some(PATIENCE)).run(request)))
            .map_err(|error| format!("{method} {url}: {error}"))
    }

    /// GET; any status is an answer, only a failure of the connection is an error.
    pub(crate) fn get(&self, url: &str) -> Result<Answer, String> {
        self.ask("GET", url, &[], "")
    }

    /// POST without a body.
    pub(crate) fn post(&self, url: &str) -> Result<Answer, String> {
        self.ask("POST", url, &[], "")
    }

    /// `method` with a JSON body.
    pub(crate) fn send(&self, method: &str, url: &str, body: &Value) -> Result<Answer, String> {
        let json = [("Content-Type", "application/json")];
        self.ask(method, url, &json, &body.to_string())
    }

    /// Opens an MJPEG stream and watches it in the background.
    pub(crate) fn watch(&self, url: &str) -> Result<Stream, String> {
        let response = self
            .place
            .run(|| {
                let mut request = agent(None).get(url);
                if let Some(authorization) = &self.authorization {
                    request = request.header(AUTHORIZATION, authorization);
                }
                request.call()
            })
            .map_err(|error| format!("GET {url}: {error}"))?;
        if response.status() != 200 {
            return Err(format!("GET {url}: {}", response.status()));
        }
        let seen = Arc::new(Mutex::new(Seen::new()));
        let shown = Arc::downgrade(&seen);
        // Ends with the connection, at the latest when the camera does, or when a read takes longer
        // than PATIENCE; or when nobody looks any more.
        thread::spawn(move || {
            let mut body = BufReader::new(response.into_body().into_reader());
            loop {
                let part = part(&mut body);
                let Some(shown) = shown.upgrade() else {
                    return;
                };
                match part {
                    Ok(part) => lock(&shown).part(part),
                    Err(error) => {
                        lock(&shown).end = Some(error.to_string());
                        return;
                    }
                }
            }
        });
        Ok(Stream { seen })
    }
}

pub(super) fn agent(whole: Option<Duration>) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(whole)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(None)
        .build()
        .into()
}

pub(super) fn answer(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Answer, ureq::Error> {
    let mut response = response?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response
            .body_mut()
            .with_config()
            .limit(MOST)
            .read_to_vec()?,
    })
}

/// One picture of a stream.
struct Part {
    jpeg: Vec<u8>,
    /// `X-Timestamp`: when it was captured, seconds since 1970.
    captured_at: Option<f64>,
}

/// Reads one part of a `multipart/x-mixed-replace` stream: headers with a length, then that many
/// bytes.
fn part(stream: &mut impl BufRead) -> io::Result<Part> {
    let (mut length, mut captured_at) = (None, None);
    loop {
        let mut line = String::new();
        if stream.by_ref().take(1024).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse::<u64>().ok().filter(|n| *n <= MOST);
            } else if name.eq_ignore_ascii_case("x-timestamp") {
                captured_at = value.trim().parse().ok();
            }
        } else if line.is_empty()
            && let Some(length) = length
        {
            let mut jpeg = vec![0; length as usize];
            stream.read_exact(&mut jpeg)?;
            return Ok(Part { jpeg, captured_at });
        }
    }
}

/// A stream being watched.
pub(crate) struct Stream {
    seen: Arc<Mutex<Seen>>,
}

impl Stream {
    /// What was seen of it until now.
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

/// What a viewer saw of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) parts: usize,
    /// The longest time between two parts.
    pub(crate) longest_gap: Duration,
    /// When the last part came; until then, when the stream was opened.
    pub(crate) last_part: Instant,
    pub(crate) last_picture: Vec<u8>,
    /// When each picture was captured, as the parts say it: seconds since 1970.
    pub(crate) captured_at: Vec<f64>,
    /// Why it ended, if it did.
    pub(crate) end: Option<String>,
}

impl Seen {
    fn new() -> Self {
        Self {
            parts: 0,
            longest_gap: Duration::ZERO,
            last_part: Instant::now(),
            last_picture: Vec::new(),
            captured_at: Vec::new(),
            end: None,
        }
    }

    fn part(&mut self, part: Part) {
        let now = Instant::now();
        self.longest_gap = self.longest_gap.max(now - self.last_part);
        self.parts += 1;
        self.last_part = now;
        self.last_picture = part.jpeg;
        self.captured_at.extend(part.captured_at);
    }
}

/// A viewer that panicked has seen what it has seen.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn parts_of_a_stream_are_told_apart_by_their_length() {
    let stream = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: 6\r\nX-Timestamp: 1.5\r\n\
        \r\nab\r\n\r\n--b\r\ncontent-length:2\r\n\r\ncd\r\n--b\r\n";
    let mut stream = &stream[..];
    let first = part(&mut stream).unwrap();
    assert_eq!(first.jpeg, b"ab\r\n\r\n");
    assert_eq!(first.captured_at, Some(1.5));
    let second = part(&mut stream).unwrap();
    assert_eq!((&*second.jpeg, second.captured_at), (&b"cd"[..], None));
    assert!(part(&mut stream).is_err());
}

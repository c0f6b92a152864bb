//! HTTP/1.1 as far as a router's web server needs it: requests whole, answers whole.
//!
//! It is read here, not by a web framework, because frameworks hide what routers stumble over: how
//! a header's name was spelt, and where a body ends. Heads are parsed by `httparse`.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::description::SERVER_NAME;
use crate::quirks::BodyEnd;

/// The largest head that is read, in bytes.
const MAX_HEAD: usize = 8 * 1024;
/// The most headers that are read.
const MAX_HEADERS: usize = 64;
/// The largest body that is read, in bytes; the largest real call is under 2 KiB.
const MAX_BODY: usize = 16 * 1024;
/// For a whole request with the wait for it, and for the writing of an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a client asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path with its query.
    pub(super) target: String,
    /// Names as they were spelt.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether another request may follow.
    pub(super) next: Next,
}

/// What follows on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Perhaps another request.
    Request,
    /// Nothing: it is closed.
    Close,
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Unread {
    /// The client is gone, or was too slow.
    Gone,
    /// It sent what cannot be read; this status is the answer.
    Bad(&'static str),
}

impl From<io::Error> for Unread {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Request {
    /// The header of this name in any case: how it was spelt, and its value.
    pub(super) fn header(&self, wanted: &str) -> Option<(&str, &str)> {
        self.headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Reply {
    /// A page for people, which has only a title.
    pub(super) fn page(status: &'static str) -> Self {
        let page =
            format!("<html><head><title>{status}</title></head><body>{status}</body></html>");
        Self {
            status,
            content_type: "text/html",
            body: page.into_bytes(),
        }
    }
}

/// A client's connection with what was read past the last request.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The next request.
    ///
    /// # Errors
    /// When there is none, in time and whole.
    pub(super) async fn read(&mut self) -> Result<Request, Unread> {
        timeout(PATIENCE, self.read_request())
            .await
            .unwrap_or(Err(Unread::Gone))
    }

    async fn read_request(&mut self) -> Result<Request, Unread> {
        let (mut request, head, length) = loop {
            if let Some(found) = parse(&self.buffer)? {
                break found;
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(Unread::Bad("431 Request Header Fields Too Large"));
            }
            self.fill().await?;
        };
        if length > MAX_BODY {
            return Err(Unread::Bad("413 Content Too Large"));
        }
        self.buffer.drain(..head);
        if request.header("Expect").is_some() {
            let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
            self.stream.write_all(go_on).await?;
        }
        while self.buffer.len() < length {
            self.fill().await?;
        }
        request.body = self.buffer.drain(..length).collect();
        Ok(request)
    }

    async fn fill(&mut self) -> Result<(), Unread> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(Unread::Gone);
        }
        Ok(())
    }

    /// Answers; `end` is how the end of the body is known.
    ///
    /// # Errors
    /// When the client is gone or does not take it.
    pub(super) async fn write(
        &mut self,
        reply: &Reply,
        end: BodyEnd,
        next: Next,
    ) -> io::Result<()> {
        let mut answer = format!(
            "HTTP/1.1 {}\r\nServer: {SERVER_NAME}\r\nContent-Type: {}\r\n",
            reply.status, reply.content_type
        );
        if end == BodyEnd::Length {
            // Writing to a String cannot fail.
            let _ = write!(answer, "Content-Length: {}\r\n", reply.body.len());
        }
        if next == Next::Close {
            answer.push_str("Connection: close\r\n");
        }
        answer.push_str("\r\n");
        let mut answer = answer.into_bytes();
        answer.extend_from_slice(&reply.body);
        timeout(PATIENCE, self.stream.write_all(&answer)).await??;
        if next == Next::Close {
            self.stream.shutdown().await?;
        }
        Ok(())
    }

    /// Waits until the client has had enough.
    pub(super) async fn gone(&mut self) {
        let mut ignored = [0; 512];
        while matches!(self.stream.read(&mut ignored).await, Ok(1..)) {}
    }
}

/// The request at the start of `bytes` without its body, the length of its head and that of its
/// body; `None` where the head is not whole.
fn parse(bytes: &[u8]) -> Result<Option<(Request, usize, usize)>, Unread> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Unread::Bad("400 Bad Request")),
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let mut request = Request {
        method: text(parsed.method),
        target: text(parsed.path),
        headers: parsed
            .headers
            .iter()
            .map(|header| {
                let value = String::from_utf8_lossy(header.value).into_owned();
                (header.name.to_owned(), value)
            })
            .collect(),
        body: Vec::new(),
        next: Next::Close,
    };
    let closes = request
        .header("Connection")
        .is_some_and(|(_, value)| value.eq_ignore_ascii_case("close"));
    if parsed.version == Some(1) && !closes {
        request.next = Next::Request;
    }
    if request.header("Transfer-Encoding").is_some() {
        return Err(Unread::Bad("411 Length Required"));
    }
    let length = match request.header("Content-Length") {
        None => 0,
        Some((_, value)) => value
            .trim()
            .parse()
            .map_err(|_| Unread::Bad("400 Bad Request"))?,
    };
    Ok(Some((request, head, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_in_any_case_and_keeps_its_spelling() {
        let bytes = b"POST /a?b=c HTTP/1.1\r\nsoapACTION: \"x#y\"\r\ncontent-length: 3\r\n\r\nabc";
        let (request, head, length) = parse(bytes).unwrap().unwrap();
        assert_eq!(
            request.header("SOAPAction"),
            Some(("soapACTION", "\"x#y\""))
        );
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("POST", "/a?b=c")
        );
        assert_eq!((head, length), (bytes.len() - 3, 3));
        assert_eq!(request.next, Next::Request);
    }

    #[test]
    fn a_head_that_is_not_whole_is_waited_for_and_nonsense_is_not() {
        assert!(matches!(parse(b"GET / HTTP/1.1\r\nHost: a\r\n"), Ok(None)));
        for (bytes, status) in [
            (&b"\0\0\0\r\n\r\n"[..], "400"),
            (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"),
            (
                b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "411",
            ),
        ] {
            let Err(Unread::Bad(answer)) = parse(bytes) else {
                panic!("taken: {bytes:?}");
            };
            assert!(answer.starts_with(status), "{answer}");
        }
    }

    #[test]
    fn a_connection_ends_where_the_client_says_so_or_cannot_go_on() {
        for head in [
            &b"GET / HTTP/1.0\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\nconnection: Close\r\n\r\n",
        ] {
            let (request, ..) = parse(head).unwrap().unwrap();
            assert_eq!(request.next, Next::Close);
        }
    }
}

//! One HTTP/1.1 request to a router and its reply, within limits of time and size.
//!
//! hyper speaks the protocol; what it cannot do is done here. Names of headers have no case
//! (RFC 9110, section 5.1), but some routers answer 501 unless the action's is spelt `SOAPAction`.
//! hyper writes `soapaction`, or `Soapaction` with title case, and nothing else, so the name is
//! respelt on its way out.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use url::{Host, Url};

/// How long connecting to a router may take: one that is gone is noticed by this.
pub const CONNECT_TIME: Duration = Duration::from_secs(3);

/// How long an answer may take at the most once the connection is there, reading included. Small
/// routers were seen to take 6 s for each.
pub const ANSWER_TIME: Duration = Duration::from_secs(12);

/// The IPv4 address in a URL that a router gave, or nothing unless it is plain `http` with a
/// literal address and port: what keeps a router from sending us elsewhere.
pub(super) fn address_in(url: &Url) -> Option<Ipv4Addr> {
    let plain = url.scheme() == "http"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port() != Some(0);
    match url.host() {
        Some(Host::Ipv4(address)) if plain => Some(address),
        _ => None,
    }
}

/// What a router sent back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nobody is there, or whoever is hung up before answering.
    #[error("{0}")]
    Unreachable(String),
    /// No answer within the time that it was given.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is longer than allowed.
    #[error("the answer is too long")]
    TooLong,
    /// The answer broke off, or is no HTTP.
    #[error("{0}")]
    Unreadable(String),
}

/// How much of an answer is waited for, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Once connected, reading included.
    pub(super) time: Duration,
    /// Of the body.
    pub(super) bytes: usize,
}

/// Send a request to a URL whose host is an IPv4 address, from this address where one is given.
///
/// # Errors
/// See [`Failure`].
pub(super) async fn exchange(
    from: Option<Ipv4Addr>,
    url: &Url,
    request: http::request::Builder,
    body: Bytes,
    limits: Limits,
) -> Result<Reply, Failure> {
    let unreachable = |error: io::Error| Failure::Unreachable(error.to_string());
    let address = address_in(url)
        .ok_or_else(|| Failure::Unreachable(format!("{url} is on no IPv4 address")))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let address = SocketAddrV4::new(address, port);
    let stream = timeout(CONNECT_TIME, connect(from, address))
        .await
        .map_err(|_| Failure::Unreachable("nobody answers at its address".to_owned()))?
        .map_err(unreachable)?;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut request = request
        .uri(path)
        .body(Full::new(body))
        .map_err(|error| Failure::Unreachable(error.to_string()))?;
    let host = HeaderValue::try_from(address.to_string())
        .map_err(|error| Failure::Unreachable(error.to_string()))?;
    request.headers_mut().insert(HOST, host);
    // Some routers serve one connection at a time.
    let close = HeaderValue::from_static("close");
    request.headers_mut().insert(CONNECTION, close);
    timeout(limits.time, ask(stream, request, limits.bytes))
        .await
        .map_err(|_| Failure::TimedOut)?
}

async fn connect(from: Option<Ipv4Addr>, to: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(from) = from {
        socket.bind(SocketAddr::from((from, 0)))?;
    }
    let stream = socket.connect(to.into()).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn ask(
    stream: TcpStream,
    request: Request<Full<Bytes>>,
    limit: usize,
) -> Result<Reply, Failure> {
    let (mut sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .handshake(TokioIo::new(Respelling::new(stream)))
        .await
        .map_err(|error| of_hyper(&error))?;
    let reply = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| of_hyper(&error))?;
        let status = response.status();
        match Limited::new(response.into_body(), limit).collect().await {
            Ok(body) => Ok(Reply {
                status,
                body: body.to_bytes(),
            }),
            Err(error) if error.is::<LengthLimitError>() => Err(Failure::TooLong),
            Err(error) => Err(Failure::Unreadable(error.to_string())),
        }
    };
    // The connection does the work of both; what ends it badly is told to the reply, too.
    tokio::pin!(reply, connection);
    tokio::select! {
        biased;
        reply = &mut reply => reply,
        _ = &mut connection => reply.await,
    }
}

/// No HTTP is an answer that cannot be read; everything else that hyper says is a connection that
/// broke.
fn of_hyper(error: &hyper::Error) -> Failure {
    let why = root_cause(error);
    if error.is_parse() {
        Failure::Unreadable(why)
    } else {
        Failure::Unreachable(why)
    }
}

/// The message of the innermost cause: "Connection refused" instead of "client error".
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// How the header is spelt that some routers know in no other spelling.
const SPELLING: &[u8] = b"SOAPAction:";

/// Where in a request's head the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a line, of which so many bytes are the header's name so far; nothing where it is another
    /// line, or behind the name.
    Line(Option<usize>),
    /// At the beginning of a line: an empty one ends the head.
    Start,
    /// In the body, where nothing is changed.
    Body,
}

impl Place {
    /// What to send for this byte, and the place of the next. Names only change their case: a line
    /// that begins like ours and is another means the same as before.
    fn step(self, byte: u8) -> (u8, Self) {
        match (self, byte) {
            // The `\r` of the empty line counts as the body: nothing but its `\n` can follow.
            (Self::Body, _) | (Self::Start, b'\r') => (byte, Self::Body),
            (_, b'\n') => (byte, Self::Start),
            (Self::Start, _) => Self::Line(Some(0)).step(byte),
            (Self::Line(Some(matched)), _) => match SPELLING.get(matched) {
                Some(ours) if ours.eq_ignore_ascii_case(&byte) => {
                    (*ours, Self::Line(Some(matched + 1)))
                }
                _ => (byte, Self::Line(None)),
            },
            (Self::Line(None), _) => (byte, Self::Line(None)),
        }
    }
}

/// A stream on which one request goes out with its header spelt as [`SPELLING`] has it.
struct Respelling<S> {
    inner: S,
    place: Place,
}

impl<S> Respelling<S> {
    fn new(inner: S) -> Self {
        Self {
            inner,
            // The request line is none of ours.
            place: Place::Line(None),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Respelling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Respelling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut place = self.place;
        let respelt: Vec<u8> = bytes
            .iter()
            .map(|byte| {
                let (byte, next) = place.step(*byte);
                place = next;
                byte
            })
            .collect();
        let written = std::task::ready!(Pin::new(&mut self.inner).poll_write(cx, &respelt))?;
        // Only what was taken has been said; the rest comes again.
        let taken = bytes.iter().take(written);
        self.place = taken.fold(self.place, |place, byte| place.step(*byte).1);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;

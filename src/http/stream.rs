//! `/stream.mjpg`: an endless `multipart/x-mixed-replace` answer, one JPEG a part.
//!
//! The body is asked for the next part only when the connection has room, so a slow viewer skips
//! whole frames by itself: each time it gets the newest one. The JPEG's bytes are shared by all
//! viewers; actix copies them once into each connection's write buffer. What the browsers need is
//! told at each constant.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::snapshot::PictureError;
use porthole_camera::frame::Picture;
use porthole_camera::viewers::{PictureFeed, Viewer};

/// Without dashes in front: clients disagree on whether those belong to it.
const BOUNDARY: &str = "porthole-frame";
const FIRST: &[u8] = b"--porthole-frame\r\n";
/// Sent right after each JPEG, not before the next one: clients show a part when its boundary has
/// come.
const BETWEEN: &[u8] = b"\r\n--porthole-frame\r\n";
/// Chrome paints a part when the headers of the next one come, so a still camera's picture goes out
/// again within a second.
const REPEAT: Duration = Duration::from_millis(900);
/// The rates that `?fps=` may ask for.
const RATES: std::ops::RangeInclusive<f32> = 0.1..=120.0;
/// A connection on which nothing moves for so long is closed.
pub const STALLED_AFTER: Duration = Duration::from_secs(10);
/// What the kernel may hold back per connection before the stream waits: little, or a slow viewer
/// sees the past.
const UNSENT_BYTES: u32 = 128 * 1024;

/// Takes note of what the streams do, for the metrics.
pub trait StreamObserver: Send + Sync {
    /// A viewer came.
    fn joined(&self);
    /// A viewer left.
    fn left(&self);
    /// One part of so many bytes of JPEG was handed to a connection.
    fn sent(&self, bytes: usize);
    /// So many pictures went by while a connection was busy. Those left out for `?fps=` do not
    /// count.
    fn skipped(&self, pictures: u64);
}

/// What stream and snapshot need; the server keeps it as `web::Data`.
pub struct Pictures {
    /// The camera.
    pub feed: PictureFeed,
    /// Counts.
    pub observer: Arc<dyn StreamObserver>,
}

#[derive(Deserialize)]
struct Query {
    fps: Option<String>,
}

/// Answers `/stream.mjpg` and `/?action=stream`. `GET` streams until the client goes, the picture
/// changes its size (Firefox keeps the first part's) or the camera is shut down; `HEAD` and
/// `OPTIONS` leave the camera alone.
///
/// # Errors
/// [`PictureError`], as problem+json.
#[allow(
    clippy::unused_async,
    reason = "actix takes async functions as handlers"
)]
pub async fn stream(
    request: HttpRequest,
    pictures: web::Data<Pictures>,
) -> Result<HttpResponse, PictureError> {
    if let Some(answer) = without_camera(request.method(), headers) {
        return Ok(answer);
    }
    let period = period(request.query_string())?;
    let parts = Parts::new(
        pictures.feed.subscribe()?,
        pictures.observer.clone(),
        period,
    );
    let first = stream::iter([Bytes::from_static(FIRST)]);
    let rest = stream::unfold(parts, |mut parts| async move {
        let part = parts.next().await?;
        Some((stream::iter(part), parts))
    });
    let body = first.chain(rest.flatten()).map(Ok::<_, Infallible>);
    let mut answer = headers(&mut HttpResponse::Ok()).streaming(body);
    // Ends with the connection, as every MJPEG client expects; chunks would only be in the way.
    answer.head_mut().no_chunking(true);
    Ok(answer)
}

/// The answer to `HEAD` and `OPTIONS`, or to what is not allowed; nothing for `GET`.
pub(super) fn without_camera(
    method: &Method,
    headers: fn(&mut HttpResponseBuilder) -> &mut HttpResponseBuilder,
) -> Option<HttpResponse> {
    let allowed = (header::ALLOW, "GET, HEAD, OPTIONS");
    match *method {
        Method::GET => None,
        Method::HEAD => Some(headers(&mut HttpResponse::Ok()).finish()),
        Method::OPTIONS => Some(HttpResponse::NoContent().insert_header(allowed).finish()),
        _ => Some(
            HttpResponse::MethodNotAllowed()
                .insert_header(allowed)
                .finish(),
        ),
    }
}

/// Keeps a picture out of every cache, and out of the buffers and compressors of proxies.
pub(super) fn fresh(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    answer
        .insert_header((
            header::CACHE_CONTROL,
            "no-store, no-cache, must-revalidate, max-age=0",
        ))
        .insert_header((header::PRAGMA, "no-cache"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
}

fn headers(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    fresh(answer)
        .insert_header(("X-Accel-Buffering", "no"))
        .content_type(format!("multipart/x-mixed-replace;boundary={BOUNDARY}"))
        .force_close()
}

/// When a picture was captured, as `X-Timestamp` tells it: seconds since 1970 and microseconds.
pub(super) fn timestamp(at: SystemTime) -> String {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}.{:06}", since.as_secs(), since.subsec_micros())
}

/// The time between parts that `?fps=` asks for.
fn period(query: &str) -> Result<Option<Duration>, PictureError> {
    let fps = web::Query::<Query>::from_query(query).map_or(None, |q| q.into_inner().fps);
    let Some(asked) = fps.filter(|fps| !fps.is_empty()) else {
        return Ok(None);
    };
    match asked.parse::<f32>() {
        Ok(fps) if RATES.contains(&fps) => Ok(Some(Duration::from_secs_f32(fps.recip()))),
        _ => Err(PictureError::BadRate {
            asked: asked.chars().take(32).collect(),
        }),
    }
}

/// One viewer's parts, one after the other.
struct Parts {
    viewer: Viewer,
    observer: Arc<dyn StreamObserver>,
    period: Option<Duration>,
    /// Before then no part is sent: the pace of `?fps=`.
    due: Instant,
    last: Option<(Arc<Picture>, Instant)>,
}

impl Parts {
    fn new(viewer: Viewer, observer: Arc<dyn StreamObserver>, period: Option<Duration>) -> Self {
        observer.joined();
        Self {
            viewer,
            observer,
            period,
            due: Instant::now(),
            last: None,
        }
    }

    /// The next part: its headers, the JPEG, and the boundary after it. Nothing when the stream is
    /// over.
    async fn next(&mut self) -> Option<[Bytes; 3]> {
        if self.period.is_some() {
            sleep_until(self.due).await;
        }
        let picture = match &self.last {
            None => self.viewer.next().await?,
            Some((last, sent)) => {
                let repeat = REPEAT.max(self.period.unwrap_or_default());
                match timeout_at(*sent + repeat, self.viewer.next()).await {
                    Ok(picture) => picture?,
                    Err(_) => last.clone(),
                }
            }
        };
        if let Some((last, _)) = &self.last {
            if (last.width, last.height) != (picture.width, picture.height) {
                return None;
            }
            let missed = picture.sequence.saturating_sub(last.sequence + 1);
            if missed > 0 && self.period.is_none() {
                self.observer.skipped(missed);
            }
        }
        let now = Instant::now();
        // Late: begin a new schedule instead of catching up.
        self.due = (self.due + self.period.unwrap_or_default()).max(now);
        let head = format!(
            "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}\r\n\r\n",
            picture.bytes.len(),
            timestamp(picture.captured_at),
        );
        let jpeg = picture.bytes.clone();
        self.observer.sent(jpeg.len());
        self.last = Some((picture, now));
        Some([head.into(), jpeg, Bytes::from_static(BETWEEN)])
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.observer.left();
    }
}

/// Has the kernel close a connection on which nothing moves for `stalled_after`, and find out by
/// itself that the peer is gone. actix does not ask a body for more while its socket is full, so
/// nothing above the kernel would notice. A refused option is no reason to refuse the visitor.
pub fn guard_connection(connection: &TcpStream, stalled_after: Duration) {
    let socket = SockRef::from(connection);
    let keepalive = TcpKeepalive::new()
        .with_time(stalled_after)
        .with_interval(stalled_after / 3)
        .with_retries(3);
    let set = socket
        .set_tcp_user_timeout(Some(stalled_after))
        .and_then(|()| socket.set_tcp_keepalive(&keepalive))
        .and_then(|()| socket.set_tcp_notsent_lowat(UNSENT_BYTES))
        .and_then(|()| socket.set_tcp_nodelay(true));
    if let Err(error) = set {
        tracing::debug!(%error, "a connection runs without its time-outs");
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
pub(super) mod tests;

//! `/stream.mjpg`: pictures one after another (`multipart/x-mixed-replace`), as many browsers and
//! programs have read them for decades.
//!
//! What is promised to a viewer: whole frames only, each with its exact length and capture time; the
//! newest there is when it is ready for one (what came between is skipped, never queued); the last one
//! again when a second passes without a new one (browsers paint a part when the next one begins); and
//! the end of the stream when the size changes (browsers keep the first part's). What it cannot do is
//! cost the others anything: the body is asked for more only when the socket has taken what it had, and
//! a socket that takes nothing for ten seconds is closed by the kernel (see `listeners`).

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER};
use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout};

use super::Problem;
use crate::camera::frame::Jpeg;
use crate::camera::viewing::{TooManyViewers, Viewer, Viewing};
use crate::metrics::Metrics;

/// Without leading dashes: they are added where the boundary is used (RFC 2046 §5.1.1).
const BOUNDARY: &str = "porthole-frame";

/// A part is repeated after this long.
const REPEAT: Duration = Duration::from_secs(1);

/// When to try again, in seconds, where there are too many viewers.
const TRY_AGAIN: &str = "5";

/// What a viewer may ask for.
#[derive(Deserialize)]
struct Wish {
    /// At most so many frames a second, 0.1 to 240.
    fps: Option<f32>,
}

/// The moving picture, until the viewer leaves.
///
/// # Errors
/// 400 for an impossible rate, 503 with `Retry-After` when too many watch.
pub fn stream(
    request: &HttpRequest,
    viewing: &Viewing,
    metrics: &Metrics,
) -> Result<HttpResponse, actix_web::Error> {
    let interval = interval(request)?;
    let viewer = match viewing.join() {
        Ok(viewer) => viewer,
        Err(full) => return Ok(refuse(full)),
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((
        CONTENT_TYPE,
        format!("multipart/x-mixed-replace;boundary={BOUNDARY}"),
    ));
    never_stored(&mut response);
    let mut response = response
        .insert_header(("X-Accel-Buffering", "no"))
        .force_close()
        .streaming(parts(viewer, interval, Counted::new(metrics)));
    // Up to the end of the connection, as every such server does: old players know no chunks.
    response.head_mut().no_chunking(true);
    Ok(response)
}

fn interval(request: &HttpRequest) -> Result<Duration, Problem> {
    let refused = || {
        let why = "fps is a number of frames a second from 0.1 to 240";
        Problem::new(StatusCode::BAD_REQUEST, why)
    };
    let wish = Query::<Wish>::from_query(request.query_string()).map_err(|_| refused())?;
    match wish.fps {
        None => Ok(Duration::ZERO),
        Some(fps) if (0.1..=240.0).contains(&fps) => Ok(Duration::from_secs_f32(1.0 / fps)),
        Some(_) => Err(refused()),
    }
}

/// Every picture is of now: nobody on the way may keep one.
pub(super) fn never_stored(response: &mut HttpResponseBuilder) {
    response
        .insert_header((
            CACHE_CONTROL,
            "no-store, no-cache, must-revalidate, max-age=0",
        ))
        .insert_header((PRAGMA, "no-cache"));
}

/// 503, with when to try again.
pub(super) fn refuse(full: TooManyViewers) -> HttpResponse {
    let mut response =
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string()).error_response();
    let again = actix_web::http::header::HeaderValue::from_static(TRY_AGAIN);
    response.headers_mut().insert(RETRY_AFTER, again);
    response
}

/// The time of capture as mjpg-streamer writes it: seconds and microseconds since 1970.
pub(super) fn timestamp(captured_at: SystemTime) -> String {
    let since = captured_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:06}", since.as_secs(), since.subsec_micros())
}

struct Reel {
    viewer: Viewer,
    interval: Duration,
    /// Not before then does this viewer want another one.
    not_before: Instant,
    last: Option<Arc<Jpeg>>,
    counted: Counted,
}

/// The body: for each part its head, then the picture itself, the same `Bytes` for every viewer.
fn parts(
    viewer: Viewer,
    interval: Duration,
    counted: Counted,
) -> impl Stream<Item = Result<Bytes, io::Error>> {
    let reel = Reel {
        viewer,
        interval,
        not_before: Instant::now(),
        last: None,
        counted,
    };
    stream::unfold(reel, |mut reel| async move {
        let (picture, first) = reel.next().await?;
        let head = head(&picture, if first { Place::First } else { Place::Later });
        let part = [head, picture.bytes.clone(), boundary()];
        reel.counted.sent(part.iter().map(Bytes::len).sum());
        Some((stream::iter(part.map(Ok)), reel))
    })
    .flatten()
}

impl Reel {
    /// The next picture to send, and whether it is the first; nothing when the stream has to end.
    async fn next(&mut self) -> Option<(Arc<Jpeg>, bool)> {
        sleep_until(self.not_before).await;
        let picture = match (&self.last, timeout(REPEAT, self.viewer.next()).await) {
            (_, Ok(picture)) => picture?,
            (Some(last), Err(_)) => Arc::clone(last),
            // Nothing to repeat yet: the camera is being opened.
            (None, Err(_)) => self.viewer.next().await?,
        };
        self.not_before = Instant::now() + self.interval;
        let first = self.last.is_none();
        if let Some(last) = &self.last {
            if (last.width, last.height) != (picture.width, picture.height) {
                return None;
            }
            // A viewer that asked for fewer has not missed what it did not ask for.
            if self.interval.is_zero() {
                let between = picture
                    .sequence
                    .saturating_sub(last.sequence)
                    .saturating_sub(1);
                self.counted.skipped(between);
            }
        }
        self.last = Some(Arc::clone(&picture));
        Some((picture, first))
    }
}

/// Only the first part opens with a boundary of its own: every part ends with the next one's, so that
/// a browser knows at once that the picture is whole.
#[derive(Clone, Copy)]
enum Place {
    First,
    Later,
}

fn head(picture: &Jpeg, place: Place) -> Bytes {
    let opening = match place {
        Place::First => format!("--{BOUNDARY}\r\n"),
        Place::Later => String::new(),
    };
    let length = picture.bytes.len();
    let at = timestamp(picture.captured_at);
    Bytes::from(format!(
        "{opening}Content-Type: image/jpeg\r\nContent-Length: {length}\r\nX-Timestamp: {at}\r\n\r\n"
    ))
}

fn boundary() -> Bytes {
    Bytes::from(format!("\r\n--{BOUNDARY}\r\n"))
}

/// One viewer in the metrics, for as long as it watches.
struct Counted(Metrics);

impl Counted {
    fn new(metrics: &Metrics) -> Self {
        metrics.stream_clients.inc();
        Self(metrics.clone())
    }

    fn sent(&self, bytes: usize) {
        self.0.stream_frames_sent_total.inc();
        self.0.stream_sent_bytes_total.inc_by(bytes as u64);
    }

    fn skipped(&self, frames: u64) {
        self.0.stream_frames_skipped_total.inc_by(frames);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.stream_clients.dec();
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;

//! `/stream.mjpg`: an endless `multipart/x-mixed-replace` answer, one JPEG a part.
//!
//! The body is asked for the next part only when the connection has room, so a slow viewer skips
//! whole frames by itself: each time it gets the newest one. The JPEG's bytes are shared by all
//! viewers; actix copies them once into each connection's write buffer. What the browsers need is
//! explained at each constant.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::camera_feed::{
    CameraFeed, PictureError, STREAM_RATES, StreamObserver, answer_without_camera, disable_caching,
    timestamp,
};
use super::seats::take_seat;
use crate::metrics::SeatKind;
use porthole_camera::frame::Picture;
use porthole_camera::viewers::Viewer;

/// The boundary of the parts (RFC 2046 §5.1.1), without dashes in front: clients disagree on
/// whether those belong to it.
const BOUNDARY: &str = "porthole-frame";
const FIRST_BOUNDARY: &[u8] = b"--porthole-frame\r\n";
/// Sent right after each JPEG, not before the next one: clients show a part when its boundary has
/// come.
pub const NEXT_BOUNDARY: &[u8] = b"\r\n--porthole-frame\r\n";
/// Chrome paints a part when the headers of the next one come, so a still camera's picture goes out
/// again within a second.
const REPEAT: Duration = Duration::from_millis(900);

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
    feed: web::Data<CameraFeed>,
) -> Result<HttpResponse, PictureError> {
    if let Some(answer) = answer_without_camera(request.method(), headers) {
        return Ok(answer);
    }
    let interval = frame_interval(request.query_string())?;
    let seat = take_seat(&request, SeatKind::Pictures).map_err(PictureError::NoSeat)?;
    let parts = FrameParts::new(feed.feed.subscribe()?, feed.observer.clone(), interval);
    let first = stream::iter([Bytes::from_static(FIRST_BOUNDARY)]);
    let rest = stream::unfold((parts, seat), |(mut parts, seat)| async move {
        let part = parts.next().await?;
        Some((stream::iter(part), (parts, seat)))
    });
    let body = first.chain(rest.flatten()).map(Ok::<_, Infallible>);
    let mut answer = headers(&mut HttpResponse::Ok()).streaming(body);
    // Ends with the connection, as every MJPEG client expects; chunks would only be in the way.
    answer.head_mut().no_chunking(true);
    Ok(answer)
}

fn headers(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    disable_caching(answer)
        .insert_header(("X-Accel-Buffering", "no"))
        .content_type(format!("multipart/x-mixed-replace;boundary={BOUNDARY}"))
        .force_close()
}

/// The time between parts that `?fps=` asks for; none where it is left out or empty.
///
/// # Errors
/// [`PictureError::BadRate`] for what is no rate that a camera can keep.
pub fn frame_interval(query: &str) -> Result<Option<Duration>, PictureError> {
    let fps = web::Query::<Query>::from_query(query).map_or(None, |q| q.into_inner().fps);
    let Some(asked) = fps.filter(|fps| !fps.is_empty()) else {
        return Ok(None);
    };
    match asked.parse::<f32>() {
        Ok(fps) if STREAM_RATES.contains(&fps) => Ok(Some(Duration::from_secs_f32(fps.recip()))),
        _ => Err(PictureError::BadRate {
            asked: asked.chars().take(32).collect(),
        }),
    }
}

/// One viewer's parts, one after the other.
struct FrameParts {
    viewer: Viewer,
    observer: Arc<dyn StreamObserver>,
    interval: Option<Duration>,
    /// Before then no part is sent: the rate of `?fps=`.
    due: Instant,
    last: Option<(Arc<Picture>, Instant)>,
}

impl FrameParts {
    fn new(viewer: Viewer, observer: Arc<dyn StreamObserver>, interval: Option<Duration>) -> Self {
        observer.joined();
        Self {
            viewer,
            observer,
            interval,
            due: Instant::now(),
            last: None,
        }
    }

    /// The next part: its headers, the JPEG, and the boundary after it. Nothing when the stream is
    /// over.
    async fn next(&mut self) -> Option<[Bytes; 3]> {
        if self.interval.is_some() {
            sleep_until(self.due).await;
        }
        let picture = match &self.last {
            None => self.viewer.next().await?,
            Some((last, sent)) => {
                let repeat = REPEAT.max(self.interval.unwrap_or_default());
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
            if missed > 0 && self.interval.is_none() {
                self.observer.skipped(missed);
            }
        }
        let now = Instant::now();
        // When late, begin a new schedule instead of catching up.
        self.due = (self.due + self.interval.unwrap_or_default()).max(now);
        let head = format!(
            "Content-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}\r\n\r\n",
            picture.bytes.len(),
            timestamp(picture.captured_at),
        );
        let jpeg = picture.bytes.clone();
        self.observer.sent(jpeg.len());
        self.last = Some((picture, now));
        Some([head.into(), jpeg, Bytes::from_static(NEXT_BOUNDARY)])
    }
}

impl Drop for FrameParts {
    fn drop(&mut self) {
        self.observer.left();
    }
}

#[cfg(test)]
mod tests;

//! What stream and snapshot share: the camera's pictures, the headers that keep them out of caches,
//! and why there is none.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};

use super::Problem;
use crate::metrics::Metrics;
use porthole_camera::config::FPS;
use porthole_camera::viewers::{PictureFeed, TooManyViewers};

/// How long a snapshot waits for a camera that has to be opened first.
pub const PICTURE_TIMEOUT: Duration = Duration::from_secs(5);

/// When to try again, in seconds.
const RETRY_AFTER: &str = "5";

/// The rates that `?fps=` may ask for, in pictures a second: one in ten seconds up to what a camera
/// can be set to.
pub const STREAM_RATES: RangeInclusive<f32> = 0.1..=*FPS.end() as f32;

/// The camera's pictures, as the server keeps them for its handlers (`web::Data`).
pub struct CameraFeed {
    /// Where a viewer joins.
    pub feed: PictureFeed,
    /// Is told what the streams do.
    pub observer: Arc<dyn StreamObserver>,
}

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

impl StreamObserver for Metrics {
    fn joined(&self) {
        self.stream_clients.inc();
    }

    fn left(&self) {
        self.stream_clients.dec();
    }

    fn sent(&self, bytes: usize) {
        self.stream_frames_sent_total.inc();
        self.stream_sent_bytes_total.inc_by(bytes as u64);
    }

    fn skipped(&self, pictures: u64) {
        self.stream_frames_skipped_total.inc_by(pictures);
    }
}

/// Why there is no picture for this request; answered as problem+json (RFC 9457).
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// There is no seat for this client.
    #[error("{}", .0.detail())]
    NoSeat(Problem),
    /// As many watch as may.
    #[error(transparent)]
    TooMany(#[from] TooManyViewers),
    /// The camera sent nothing in time.
    #[error("the camera has sent no picture within {} s", PICTURE_TIMEOUT.as_secs())]
    NotInTime,
    /// The server is stopping.
    #[error("the camera is being shut down")]
    ShutDown,
    /// A rate out of [`STREAM_RATES`].
    #[error(
        "fps must be a number from {} to {}, not {asked:?}",
        STREAM_RATES.start(),
        STREAM_RATES.end()
    )]
    BadRate {
        /// What was asked for.
        asked: String,
    },
}

impl ResponseError for PictureError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoSeat(_) | Self::TooMany(_) | Self::NotInTime | Self::ShutDown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::BadRate { .. } => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut answer = Problem::new(status, self.to_string()).error_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        answer
    }
}

/// The answer to `HEAD` and `OPTIONS`, or to what is not allowed, which leave the camera alone;
/// nothing for `GET`. `headers` adds those of the answer to `GET`.
pub fn answer_without_camera(
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
pub fn disable_caching(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    answer
        .insert_header((
            header::CACHE_CONTROL,
            "no-store, no-cache, must-revalidate, max-age=0",
        ))
        .insert_header((header::PRAGMA, "no-cache"))
        .insert_header((header::CONTENT_ENCODING, "identity"))
}

/// When a picture was captured, as `X-Timestamp` tells it: seconds since 1970 and microseconds.
pub fn timestamp(at: SystemTime) -> String {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}.{:06}", since.as_secs(), since.subsec_micros())
}

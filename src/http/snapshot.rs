//! `/snapshot.jpg`: one picture, as fresh as the camera has it.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, web};
use tokio::time::timeout;

use super::Problem;
use super::stream::{Pictures, fresh, timestamp, without_camera};
use porthole_camera::viewers::TooManyViewers;

/// How long a snapshot waits for a camera that has to be opened first.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to try again, in seconds.
const RETRY_AFTER: &str = "5";

/// Why there is no picture for this request; answered as problem+json (RFC 9457).
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// As many watch as may.
    #[error(transparent)]
    TooMany(#[from] TooManyViewers),
    /// The camera sent nothing in time.
    #[error("the camera has sent no picture within {} s", PATIENCE.as_secs())]
    NotInTime,
    /// The server is stopping.
    #[error("the camera is being shut down")]
    ShutDown,
    /// A rate that cannot be.
    #[error("fps must be a number from 0.1 to 120, not {asked:?}")]
    BadRate {
        /// What was asked for.
        asked: String,
    },
}

impl ResponseError for PictureError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::TooMany(_) | Self::NotInTime | Self::ShutDown => StatusCode::SERVICE_UNAVAILABLE,
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

/// Answers `/snapshot.jpg` and `/?action=snapshot`. `HEAD` and `OPTIONS` leave the camera alone.
/// A camera that fails answers with its placeholder, marked by `X-Porthole-Picture: placeholder`.
///
/// # Errors
/// [`PictureError`], as problem+json.
pub async fn snapshot(
    request: HttpRequest,
    pictures: web::Data<Pictures>,
) -> Result<HttpResponse, PictureError> {
    if let Some(answer) = without_camera(request.method(), headers) {
        return Ok(answer);
    }
    let mut viewer = pictures.feed.subscribe()?;
    let picture = timeout(PATIENCE, viewer.next())
        .await
        .map_err(|_| PictureError::NotInTime)?
        .ok_or(PictureError::ShutDown)?;
    Ok(headers(&mut HttpResponse::Ok())
        .insert_header(("X-Timestamp", timestamp(picture.captured_at)))
        .insert_header(("X-Porthole-Picture", picture.kind.word()))
        .body(picture.bytes.clone()))
}

fn headers(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    fresh(answer).content_type("image/jpeg")
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;

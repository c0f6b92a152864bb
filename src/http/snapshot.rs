//! `/snapshot.jpg`: one picture, the newest that the camera has.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use tokio::time::timeout;

use super::camera_feed::{
    CameraFeed, PICTURE_TIMEOUT, PictureError, answer_without_camera, disable_caching, timestamp,
};
use super::seats::take_seat;
use crate::metrics::SeatKind;

/// Answers `/snapshot.jpg` and `/?action=snapshot`. `HEAD` and `OPTIONS` leave the camera alone.
/// A camera that fails answers with its placeholder, marked by `X-Porthole-Picture: placeholder`.
///
/// # Errors
/// [`PictureError`], as problem+json.
pub async fn snapshot(
    request: HttpRequest,
    feed: web::Data<CameraFeed>,
) -> Result<HttpResponse, PictureError> {
    if let Some(answer) = answer_without_camera(request.method(), headers) {
        return Ok(answer);
    }
    let _seat = take_seat(&request, SeatKind::Pictures).map_err(PictureError::NoSeat)?;
    let mut viewer = feed.feed.subscribe()?;
    let picture = timeout(PICTURE_TIMEOUT, viewer.next())
        .await
        .map_err(|_| PictureError::NotInTime)?
        .ok_or(PictureError::ShutDown)?;
    Ok(headers(&mut HttpResponse::Ok())
        .insert_header(("X-Timestamp", timestamp(picture.captured_at)))
        .insert_header(("X-Porthole-Picture", picture.kind.word()))
        .body(picture.bytes.clone()))
}

fn headers(answer: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    disable_caching(answer).content_type("image/jpeg")
}

#[cfg(test)]
mod tests;

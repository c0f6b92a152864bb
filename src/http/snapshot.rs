//! `/snapshot.jpg`: one picture, of now.

use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use tokio::time::timeout;

use super::Problem;
use super::stream::{never_stored, refuse, timestamp};
use crate::camera::viewing::Viewing;

/// How long the camera may take to be opened and give a picture.
const PATIENCE: Duration = Duration::from_secs(5);

/// One picture. `HEAD` asks nothing of the camera.
///
/// # Errors
/// 503 when too many watch, or when no picture comes in time.
pub async fn snapshot(
    request: &HttpRequest,
    viewing: &Viewing,
) -> Result<HttpResponse, actix_web::Error> {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "image/jpeg"));
    never_stored(&mut response);
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let mut viewer = match viewing.join() {
        Ok(viewer) => viewer,
        Err(full) => return Ok(refuse(full)),
    };
    match timeout(PATIENCE, viewer.next()).await {
        Ok(Some(picture)) => Ok(response
            .insert_header(("X-Timestamp", timestamp(picture.captured_at)))
            .body(picture.bytes.clone())),
        Ok(None) | Err(_) => {
            let why = format!("the camera gave no picture within {} s", PATIENCE.as_secs());
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).into())
        }
    }
}

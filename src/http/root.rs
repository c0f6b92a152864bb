//! `/` and `/camera`, and the pictures, also under the names that mjpg-streamer gave them.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::access::Caller;
use super::camera_feed::CameraFeed;
use super::page_models::{self, Viewpoint};
use super::{App, Problem, pages, snapshot, stream};

/// `/?action=stream` and `/?action=snapshot`: `OctoPrint`, Mainsail and Home Assistant know these.
#[derive(Deserialize)]
pub struct Action {
    action: Option<String>,
}

/// The fleet page (Fig. 6), or a picture where one is asked for.
pub async fn root(
    request: HttpRequest,
    query: Query<Action>,
    app: Data<App>,
    caller: ReqData<Caller>,
    feed: Data<CameraFeed>,
) -> Result<HttpResponse, actix_web::Error> {
    match query.action.as_deref() {
        None => {
            let page = page_models::fleet(&Viewpoint::of(&request, &app, &caller))?;
            html(pages::fleet(&page))
        }
        Some("stream") => Ok(stream::stream(request, feed).await?),
        Some("snapshot") => Ok(snapshot::snapshot(request, feed).await?),
        Some(other) => {
            let other: String = other.chars().take(32).collect();
            let why = format!("action is \"stream\" or \"snapshot\", not {other:?}");
            Err(Problem::new(StatusCode::BAD_REQUEST, why).into())
        }
    }
}

/// This camera alone.
pub async fn camera(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
) -> Result<HttpResponse, actix_web::Error> {
    let page = page_models::camera(&Viewpoint::of(&request, &app, &caller))?;
    html(pages::camera(&page))
}

/// A page as an answer: never kept by anybody on the way, and never taken for anything but HTML.
pub fn html(rendered: Result<String, askama::Error>) -> Result<HttpResponse, actix_web::Error> {
    match rendered {
        Ok(page) => Ok(HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .body(page)),
        Err(why) => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why.to_string()).into()),
    }
}

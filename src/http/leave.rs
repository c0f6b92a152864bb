//! `/leave?to=…`: what a link to a camera leads to that has not shown to be one. Anybody on the LAN
//! can put a name into the router's table; a page that loaded a picture from there, or linked it,
//! would hand the client's cookie over.

use std::net::SocketAddrV4;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::access::Caller;
use super::page_models::Viewpoint;
use super::pages::{self, LeavePage};
use super::{App, Problem, root};

/// The query of `/leave`.
#[derive(Deserialize)]
pub struct LeaveQuery {
    /// The camera's address on the LAN, as the fleet has it.
    to: SocketAddrV4,
}

/// The page with the link; straight on where the camera has shown meanwhile that it is one. Only
/// what is in the fleet is linked: nobody can make up an address.
pub async fn leave(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    query: Query<LeaveQuery>,
) -> Result<HttpResponse, actix_web::Error> {
    let view = Viewpoint::of(&request, &app, &caller);
    let fleet = app.shared.fleet.borrow().clone();
    let camera = fleet.cameras.iter().find(|camera| camera.lan == query.to);
    let found =
        camera.and_then(|camera| Some((camera, view.links.for_client(camera, view.client)?)));
    let Some((camera, url)) = found else {
        let why = format!("nobody at {} is known here", query.to);
        return Err(Problem::new(StatusCode::NOT_FOUND, why).into());
    };
    if camera.vouches_for_itself() {
        let target = view.page_url(camera).unwrap_or_else(|| url.to_string());
        return Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, target))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish());
    }
    root::html(pages::leave(&LeavePage {
        name: camera.name.clone(),
        gets_cookie: view.cross_camera.shares_host_with(&url),
        url,
    }))
}

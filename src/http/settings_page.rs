//! `/settings`: the page; its script reads and writes the values over the API.

use actix_web::web::{Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};

use super::access::Guest;
use super::page_models::{self, Viewpoint};
use super::{App, pages, root};

/// The settings of this camera.
pub async fn settings(
    request: HttpRequest,
    app: Data<App>,
    guest: ReqData<Guest>,
) -> Result<HttpResponse, actix_web::Error> {
    let page = page_models::settings(&Viewpoint::of(&request, &app, &guest))?;
    root::html(pages::settings(&page))
}

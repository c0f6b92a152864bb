//! `/settings`: the page; its script reads and writes the values over the API.

use actix_web::web::{Data, ReqData};
use actix_web::{HttpRequest, HttpResponse};

use super::access::Caller;
use super::page_models::{self, Viewpoint};
use super::{App, pages, root};

/// The settings of this camera.
pub async fn settings(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
) -> Result<HttpResponse, actix_web::Error> {
    let page = page_models::settings(&Viewpoint::of(&request, &app, &caller))?;
    root::html(pages::settings(&page))
}

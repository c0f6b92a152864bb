//! `/settings`: the page; its script reads and writes the values over the API.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::{App, Visitor, page_models, pages, root};

/// The settings of this camera.
pub async fn settings(
    request: HttpRequest,
    app: Data<App>,
) -> Result<HttpResponse, actix_web::Error> {
    let page = page_models::settings(&app, Visitor::of(&request, &app))?;
    root::html(pages::settings(&page))
}

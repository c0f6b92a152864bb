//! `GET /api/v1/cameras`: the fleet, with the links that are right for who asks.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use serde::Serialize;

use super::links::Links;
use super::office::{Representative, representative};
use super::page_models::{notices, picture, router_line, standing};
use super::pages::Notice;
use super::{App, Visitor};
use crate::fleet::{Camera, Labels, Standing, Vouched, Who};
use crate::ids::InstanceId;

/// The fleet.
#[derive(Serialize)]
pub struct Answer {
    representative: Option<Representative>,
    standing: &'static str,
    router: String,
    #[serde(rename = "cameras")]
    all: Vec<One>,
    notices: Vec<Notice>,
}

/// One camera.
#[derive(Serialize)]
struct One {
    id: Option<InstanceId>,
    name: String,
    /// What tells it from another camera of the same name; none where the name is enough.
    label: Option<String>,
    #[serde(rename = "self")]
    is_self: bool,
    representative: bool,
    /// Where this visitor reaches it; nothing where it cannot.
    url: Option<String>,
    external_url: Option<String>,
    lan_url: Option<String>,
    state: &'static str,
    detail: String,
    /// Whether it has spoken for itself on the LAN, lately.
    verified: bool,
    last_seen_seconds: f64,
}

/// The handler.
pub async fn cameras(request: HttpRequest, app: Data<App>) -> Json<Answer> {
    let visitor = Visitor::of(&request, &app);
    let links = Links::new(&app.cells);
    let fleet = app.cells.fleet.borrow().clone();
    let labels = Labels::of(&fleet);
    Json(Answer {
        representative: representative(&app, visitor, &links),
        standing: standing(&app, visitor, &links).token(),
        router: router_line(&app),
        all: fleet
            .cameras
            .iter()
            .map(|camera| one(camera, &labels, visitor, &links))
            .collect(),
        notices: notices(&app),
    })
}

fn one(camera: &Camera, labels: &Labels, visitor: Visitor, links: &Links) -> One {
    let (state, detail) = picture(&camera.activity);
    One {
        id: camera.id,
        name: camera.name.clone(),
        label: labels.get(camera).map(str::to_owned),
        is_self: camera.who == Who::Me,
        representative: camera.standing == Standing::Representative,
        url: links
            .for_visitor(camera, visitor)
            .map(|url| url.to_string()),
        external_url: links.external(camera).map(|url| url.to_string()),
        lan_url: Links::lan(camera).map(|url| url.to_string()),
        state: state.token(),
        detail,
        verified: camera.vouched == Vouched::ByItself,
        last_seen_seconds: camera.age.as_secs_f64(),
    }
}

//! `/api/v1/cameras`: the fleet, with the links that are right for who asks.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, ReqData};
use serde::Serialize;
use utoipa::ToSchema;

use crate::fleet::{self, Camera, FleetSource, Labels, Locality, Presence, Scheme, Verification};
use crate::http::App;
use crate::http::access::Caller;
use crate::http::leadership::{Representative, representative};
use crate::http::links::Links;
use crate::http::page_models::{Viewpoint, notices, picture, router_line, standing};
use crate::http::pages::{Notice, Standing as PageStanding, TileState};
use porthole_types::InstanceId;

/// The fleet.
#[derive(Serialize, ToSchema)]
pub struct Fleet {
    /// Who answers for all; null where that is not known.
    representative: Option<Representative>,
    standing: Standing,
    /// The router in one line, for a person.
    #[schema(example = "FRITZ!Box 7590, 60.120.76.64 on the Internet side")]
    router: String,
    /// In the order of their ports on the router, those without one last, by name.
    cameras: Vec<CameraView>,
    /// What the operator should know or do, most important first.
    notices: Vec<Notice>,
}

/// What the camera that answers is among them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Standing {
    /// The representative.
    Representative,
    /// Another one is the representative.
    Member,
    /// Nobody is at the moment.
    Vacant,
    /// It knows of none.
    Alone,
}

impl From<&PageStanding> for Standing {
    fn from(standing: &PageStanding) -> Self {
        match standing {
            PageStanding::Representative(_) => Self::Representative,
            PageStanding::Member { .. } => Self::Member,
            PageStanding::Vacant { .. } => Self::Vacant,
            PageStanding::Alone { .. } => Self::Alone,
        }
    }
}

/// One camera.
#[derive(Serialize, ToSchema)]
#[schema(as = Camera)]
pub struct CameraView {
    /// Null for a camera that only the router's table names.
    pub id: Option<InstanceId>,
    /// What people call it. Two cameras may have the same name.
    #[schema(example = "Barn")]
    pub name: String,
    /// What tells it from another camera of the same name; null where the name is enough.
    #[schema(example = "port 8081")]
    label: Option<String>,
    /// Whether it is the camera that answers.
    #[serde(rename = "self")]
    is_self: bool,
    /// Whether it is the representative.
    representative: bool,
    /// Where this visitor reaches it; null where it has no way there.
    #[schema(format = "uri", example = "http://192.168.1.20:8080/")]
    url: Option<String>,
    /// Where a link to it leads this visitor: `url`, or a path of the camera that answers, which
    /// carries the login along.
    #[schema(format = "uri-reference", example = "/visit/85f1eef97a54aa14")]
    page_url: Option<String>,
    /// Where a picture of it is, with this visitor's leave to look at it.
    #[schema(format = "uri", example = "http://192.168.1.20:8080/snapshot.jpg")]
    still_url: Option<String>,
    /// Where it is reached from outside; null where it is not.
    #[schema(format = "uri", example = "http://60.120.76.64:8081/")]
    external_url: Option<String>,
    /// Where it is reached on the LAN.
    #[schema(format = "uri", example = "http://192.168.1.20:8080/")]
    lan_url: Option<String>,
    /// Whether its web server speaks TLS.
    scheme: Scheme,
    /// What it is doing.
    state: TileState,
    /// The same in words: size and rate of its pictures, or why there are none.
    detail: String,
    /// Whether it has spoken for itself on the LAN, lately; otherwise only the router's table
    /// names it.
    verified: bool,
    presence: Presence,
    /// Which sources know of it, and how many seconds ago each spoke of it.
    #[schema(example = json!({"table": 3.2, "answer": 0.4, "mdns": 61.0}))]
    sources: BTreeMap<FleetSource, f64>,
    /// How long ago it spoke for itself, in seconds; where it never has, how long ago the newest
    /// of its sources spoke.
    #[schema(minimum = 0)]
    last_seen_seconds: f64,
}

impl CameraView {
    /// A camera as this visitor sees it.
    pub fn of(camera: &Camera, labels: &Labels, view: &Viewpoint) -> Self {
        let (state, detail) = picture(&camera.activity);
        let text = |url: Option<_>| url.map(|url: crate::http::pages::WebUrl| url.to_string());
        Self {
            id: camera.id,
            name: camera.name.clone(),
            label: labels.get(camera).map(str::to_owned),
            is_self: camera.locality == Locality::ThisServer,
            representative: camera.standing == fleet::Standing::Representative,
            url: text(view.links.for_visitor(camera, view.visitor)),
            page_url: view.way_to(camera),
            still_url: view.still_of(camera),
            external_url: text(view.links.external(camera)),
            lan_url: text(Links::lan(camera)),
            scheme: camera.scheme,
            state,
            detail,
            verified: camera.verification == Verification::Verified,
            presence: camera.presence,
            sources: (camera.sources.iter())
                .map(|(source, age)| (*source, age.as_secs_f64()))
                .collect(),
            last_seen_seconds: camera.age.as_secs_f64(),
        }
    }
}

/// The fleet
///
/// Every camera that this one knows of, itself included. `url` follows who asks: an address of the
/// LAN for a visitor on the LAN, the router's for anybody else.
#[utoipa::path(
    get,
    path = "/api/v1/cameras",
    tag = "state",
    responses((status = 200, description = "The fleet", body = Fleet)),
)]
pub async fn cameras(request: HttpRequest, app: Data<App>, caller: ReqData<Caller>) -> Json<Fleet> {
    let view = Viewpoint::of(&request, &app, &caller);
    let fleet = app.shared.fleet.borrow().clone();
    let labels = Labels::of(&fleet);
    let all = fleet.cameras.iter();
    Json(Fleet {
        representative: representative(&app, view.visitor, &view.links),
        standing: (&standing(&view)).into(),
        router: router_line(&app),
        cameras: all
            .map(|camera| CameraView::of(camera, &labels, &view))
            .collect(),
        notices: notices(&app),
    })
}

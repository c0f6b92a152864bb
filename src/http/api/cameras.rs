//! `/api/v1/cameras`: the fleet, with the links that are right for the client.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, ReqData};
use serde::Serialize;
use utoipa::ToSchema;

use crate::fleet::{self, Camera, FleetSource, Labels, Locality, Presence, Scheme, Verification};
use crate::http::App;
use crate::http::access::Caller;
use crate::http::links::{Links, UrlResolver};
use crate::http::page_models::{Viewpoint, notices, picture, router_line};
use crate::http::pages::{Notice, TileState};
use crate::shared::{LeadershipStanding, LeadershipView};
use porthole_types::InstanceId;

/// All cameras of the site, as the camera that answers knows them.
#[derive(Serialize, ToSchema)]
#[schema(as = Fleet)]
pub struct FleetView {
    /// Null where neither a representative nor a vacancy is known.
    representative: Option<LeadershipView>,
    standing: LeadershipStanding,
    /// The router in one line, for a person.
    #[schema(example = "FRITZ!Box 7590, 60.120.76.64 on the Internet side")]
    router: String,
    /// In the order of their ports on the router, those without one last, by name.
    cameras: Vec<CameraView>,
    /// What the operator should know or do, most important first.
    notices: Vec<Notice>,
}

/// A camera of the site: what it is called, and where this client reaches it.
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
    /// Where this client reaches it; null where it has no way there.
    #[schema(format = "uri", example = "http://192.168.1.20:8080/")]
    url: Option<String>,
    /// Where a link to it leads this client: `url`, or a path of the camera that answers, which
    /// carries the login along, or says that this one has not shown to be a camera.
    #[schema(format = "uri-reference", example = "/visit/85f1eef97a54aa14")]
    page_url: Option<String>,
    /// Where a picture of it is, with the ticket that lets this client load it; null for what has
    /// not shown to be a camera.
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
    /// A camera as this client sees it.
    pub fn of(camera: &Camera, labels: &Labels, view: &Viewpoint) -> Self {
        let (state, detail) = picture(&camera.activity);
        let text = |url: Option<_>| url.map(|url: crate::http::pages::WebUrl| url.to_string());
        Self {
            id: camera.id,
            name: camera.name.clone(),
            label: labels.get(camera).map(str::to_owned),
            is_self: camera.locality == Locality::ThisServer,
            representative: camera.standing == fleet::Standing::Representative,
            url: text(view.links.for_client(camera, view.client)),
            page_url: view.page_url(camera),
            still_url: view.still_url(camera),
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
/// Every camera that this one knows of, itself included. `url` follows the client: an address of
/// the LAN for a client on the LAN, the router's for anybody else.
#[utoipa::path(
    get,
    path = "/api/v1/cameras",
    tag = "state",
    responses((status = 200, description = "The fleet", body = FleetView)),
)]
pub async fn cameras(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
) -> Json<FleetView> {
    let view = Viewpoint::of(&request, &app, &caller);
    let fleet = app.shared.fleet.borrow().clone();
    let labels = Labels::of(&fleet);
    let all = fleet.cameras.iter();
    let leadership = UrlResolver::new(&app.shared, view.client).leadership(&app.shared);
    Json(FleetView {
        standing: LeadershipStanding::of(leadership.as_ref(), app.shared.identity.id),
        representative: leadership,
        router: router_line(&app),
        cameras: all
            .map(|camera| CameraView::of(camera, &labels, &view))
            .collect(),
        notices: notices(&app),
    })
}

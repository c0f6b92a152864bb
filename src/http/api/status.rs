//! `GET /api/v1/status`: this server.

use std::net::Ipv4Addr;

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::fleet::Locality;
use crate::http::App;
use crate::http::client_network::client_network;
use crate::http::links::{Links, UrlResolver};
use crate::http::page_models::notices;
use crate::http::pages::{Notice, TileState};
use crate::shared::{LeadershipView, RouterState, RouterTrait, unix_seconds};
use porthole_camera::observe::CameraHealth;
use porthole_election::Role;
use porthole_gateway::RouterClass;
use porthole_types::{InstanceId, Term};

/// What the server that answers says of itself: its role, its mapping and its camera.
#[derive(Serialize, ToSchema)]
pub struct Status {
    id: InstanceId,
    /// What people call it.
    #[schema(example = "Barn")]
    name: String,
    role: Role,
    term: Term,
    /// Null where neither a representative nor a vacancy is known.
    representative: Option<LeadershipView>,
    /// Where it is reached from outside, if it is.
    #[schema(format = "uri", example = "http://60.120.76.64:8080/")]
    external_url: Option<String>,
    /// Where it is reached on the LAN, once it has an address there.
    #[schema(format = "uri", example = "http://192.168.1.20:8080/")]
    lan_url: Option<String>,
    /// The mapping that it holds, if any.
    lease: Option<Lease>,
    router: RouterStatus,
    camera: CameraStatus,
    /// The certificate that clients are shown; none: this server is spoken to in the clear.
    tls: Option<TlsStatus>,
    /// What the operator should know or do, most important first.
    notices: Vec<Notice>,
    /// How long the program runs, in seconds.
    #[schema(minimum = 0)]
    uptime_seconds: f64,
    /// Of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// The mapping that leads to this server.
#[derive(Serialize, ToSchema)]
struct Lease {
    /// On the router's Internet side.
    #[schema(minimum = 1, maximum = 65535)]
    port: u16,
    /// What the router granted, in seconds; none when the mapping has no end.
    granted_seconds: Option<u64>,
    /// When it ends unless it is renewed, seconds since 1970: the representative's own deadline,
    /// or the end of a member's lease; none when it has no end.
    expires_at: Option<f64>,
}

/// The router, as last seen.
#[derive(Serialize, ToSchema)]
struct RouterStatus {
    #[serde(flatten)]
    state: RouterState,
    /// What it calls itself. Untrusted text.
    name: Option<String>,
    /// On the LAN.
    #[schema(value_type = Option<String>, format = "ipv4", example = "192.168.1.1")]
    address: Option<Ipv4Addr>,
    /// On the Internet side.
    #[schema(value_type = Option<String>, format = "ipv4", example = "60.120.76.64")]
    external_address: Option<Ipv4Addr>,
    /// What is wrong and what to do about it, in words.
    problem: Option<String>,
    class: RouterClass,
    /// What it does unlike other routers, and what to do about it; empty for most.
    traits: Vec<RouterTrait>,
    /// When it last answered, seconds since 1970.
    last_poll: Option<f64>,
    /// How long it takes to answer, of late, in seconds.
    #[schema(example = 0.012)]
    answer_seconds: Option<f64>,
}

/// The certificate that clients are shown.
#[derive(Serialize, ToSchema)]
struct TlsStatus {
    /// Its SHA-256, as browsers show it: 32 pairs of hexadecimal digits with colons between them.
    #[schema(example = "4F:8A:…")]
    fingerprint: String,
    /// Whether this program made it, so that no browser trusts it by itself.
    self_signed: bool,
    /// When it ends, seconds since 1970.
    expires_at: f64,
}

/// The camera's picture, and how it is doing.
#[derive(Serialize, ToSchema)]
struct CameraStatus {
    /// What the pictures come from, once they come.
    #[schema(example = "UVC Camera, MJPEG")]
    source: Option<String>,
    state: TileState,
    /// Why there is no picture.
    problem: Option<String>,
    /// Width in pixels; null while there is no picture.
    width: Option<u32>,
    /// Height in pixels (lines); null while there is no picture.
    height: Option<u32>,
    /// Frames a second, as the device promises them.
    fps: Option<f32>,
    /// How many watch now.
    viewers: usize,
}

/// This server
///
/// Who it is, what it is among the others, where it is reached, and how its router and its camera
/// are.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "state",
    responses((status = 200, description = "This server", body = Status)),
)]
pub async fn status(request: HttpRequest, app: Data<App>) -> Json<Status> {
    let shared = &app.shared;
    let fleet = shared.fleet.borrow().clone();
    let links = Links::new(shared);
    let urls = UrlResolver::new(shared, client_network(&request, &app));
    let me = fleet
        .cameras
        .iter()
        .find(|camera| camera.locality == Locality::ThisServer);
    Json(Status {
        id: shared.identity.id,
        name: shared.name.shown(),
        role: shared.role_now(),
        term: shared.role.load().term,
        representative: urls.leadership(shared),
        external_url: me
            .and_then(|me| links.external(me))
            .map(|url| url.to_string()),
        lan_url: me.and_then(Links::lan).map(|url| url.to_string()),
        lease: lease(&app),
        router: router(&app),
        camera: camera(&app),
        tls: shared.tls.as_ref().map(tls),
        notices: notices(&app),
        uptime_seconds: shared.clock.uptime().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

fn lease(app: &App) -> Option<Lease> {
    let shared = &app.shared;
    let port = shared.external_port()?;
    let state = shared.role.load();
    let (granted, ends) = match (state.leadership, state.own) {
        // A mapping without an end is looked at as often as a short one; that deadline is not the
        // router's.
        (Some(held), _) => (held.granted, held.granted.map(|_| held.deadline)),
        (None, own) => (
            own.and_then(|own| own.granted),
            own.and_then(|own| own.lapses_at),
        ),
    };
    Some(Lease {
        port: port.get(),
        granted_seconds: granted.map(|granted| granted.as_secs()),
        expires_at: ends.map(|at| unix_seconds(shared.clock.wall(at))),
    })
}

fn router(app: &App) -> RouterStatus {
    let shared = &app.shared;
    let view = shared.router.borrow();
    let host_is_set = shared.settings.router.external_host.is_some();
    RouterStatus {
        state: view.state.clone(),
        name: view.found.as_ref().map(|found| found.identity.name.clone()),
        address: view.found.as_ref().map(|found| found.identity.address),
        external_address: view.external.as_ref().and_then(|external| external.address),
        problem: view.problem(host_is_set),
        class: view.class(),
        traits: view.traits(&shared.role.load(), shared.role.rules(), host_is_set),
        last_poll: view.last_answer.map(unix_seconds),
        answer_seconds: view.answer_time.map(|time| time.as_secs_f64()),
    }
}

fn tls(tls: &crate::tls::Tls) -> TlsStatus {
    let certificate = tls.certificate();
    TlsStatus {
        fingerprint: certificate.fingerprint.to_string(),
        self_signed: tls.is_self_signed(),
        expires_at: unix_seconds(certificate.expires_at),
    }
}

fn camera(app: &App) -> CameraStatus {
    let camera = &app.shared.camera;
    let idle = CameraStatus {
        source: None,
        state: TileState::Idle,
        problem: None,
        width: None,
        height: None,
        fps: None,
        viewers: camera.feed.viewers(),
    };
    match camera.health.borrow().clone() {
        CameraHealth::Idle => idle,
        CameraHealth::Starting => CameraStatus {
            state: TileState::Live,
            ..idle
        },
        CameraHealth::Failed { reason } => CameraStatus {
            state: TileState::Failed,
            problem: Some(reason),
            ..idle
        },
        CameraHealth::Live {
            width,
            height,
            fps,
            description,
        } => CameraStatus {
            source: Some(description),
            state: TileState::Live,
            width: Some(width),
            height: Some(height),
            fps: Some(fps),
            ..idle
        },
    }
}

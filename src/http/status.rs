//! `GET /api/v1/status`: this server.

use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use serde::Serialize;

use super::links::Links;
use super::office::{Representative, representative};
use super::page_models::notices;
use super::pages::Notice;
use super::time::unix_seconds;
use super::{App, Visitor};
use crate::camera::observe::CameraHealth;
use crate::cells::RouterState;
use crate::election::Role;
use crate::fleet::Who;
use crate::gateway::RouterClass;
use crate::ids::{InstanceId, Term};

/// This server.
#[derive(Serialize)]
pub struct Status {
    id: InstanceId,
    name: String,
    role: &'static str,
    term: Term,
    /// Who answers for all, where that is known.
    representative: Option<Representative>,
    /// Where it is reached from outside, if it is.
    external_url: Option<String>,
    /// Where it is reached on the LAN, once it has an address there.
    lan_url: Option<String>,
    /// The mapping that it holds, if any.
    lease: Option<Lease>,
    router: Router,
    camera: Camera,
    /// How it is spoken to; none: in the clear.
    tls: Option<Tls>,
    notices: Vec<Notice>,
    uptime_seconds: f64,
    version: &'static str,
}

/// The mapping that leads to this server.
#[derive(Serialize)]
struct Lease {
    port: u16,
    /// What the router granted, in seconds; none when the mapping has no end.
    granted_seconds: Option<u64>,
    /// When it ends unless it is renewed, seconds since 1970: the representative's own deadline, or the
    /// end of a member's lease; none when it has no end.
    expires_at: Option<f64>,
}

/// The router, as last seen.
#[derive(Serialize)]
struct Router {
    state: &'static str,
    name: Option<String>,
    address: Option<std::net::Ipv4Addr>,
    external_address: Option<std::net::Ipv4Addr>,
    /// What is wrong and what to do about it, in words.
    problem: Option<String>,
    class: RouterClass,
    /// When it last answered, seconds since 1970.
    last_poll: Option<f64>,
}

/// The certificate that visitors are shown.
#[derive(Serialize)]
struct Tls {
    /// Its SHA-256, as browsers show it.
    fingerprint: String,
    self_signed: bool,
    /// When it ends, seconds since 1970.
    expires_at: f64,
}

/// The picture.
#[derive(Serialize)]
struct Camera {
    /// What the pictures come from, once they come.
    source: Option<String>,
    /// `live`, `idle` or `failed`.
    state: &'static str,
    problem: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    fps: Option<f32>,
    viewers: usize,
}

/// The handler.
pub async fn status(request: HttpRequest, app: Data<App>) -> Json<Status> {
    let cells = &app.cells;
    let fleet = cells.fleet.borrow().clone();
    let links = Links::new(cells);
    let me = fleet.cameras.iter().find(|camera| camera.who == Who::Me);
    let role = match cells.role_now() {
        Role::Representative => "representative",
        Role::Member => "member",
        Role::Alone => "alone",
    };
    Json(Status {
        id: cells.identity.id,
        name: cells.name.shown(),
        role,
        term: cells.role.load().term,
        representative: representative(&app, Visitor::of(&request, &app), &links),
        external_url: me
            .and_then(|me| links.external(me))
            .map(|url| url.to_string()),
        lan_url: me.and_then(Links::lan).map(|url| url.to_string()),
        lease: lease(&app),
        router: router(&app),
        camera: camera(&app),
        tls: cells.tls.as_ref().map(tls),
        notices: notices(&app),
        uptime_seconds: cells.clock.uptime().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION"),
    })
}

fn lease(app: &App) -> Option<Lease> {
    let cells = &app.cells;
    let port = cells.external_port()?;
    let state = cells.role.load();
    let (granted, ends) = match (state.office, state.own) {
        // A mapping without an end is looked at as often as a short one; that deadline is not the router's.
        (Some(office), _) => (office.granted, office.granted.map(|_| office.deadline)),
        (None, own) => (
            own.and_then(|own| own.granted),
            own.and_then(|own| own.lapses_at),
        ),
    };
    Some(Lease {
        port: port.get(),
        granted_seconds: granted.map(|granted| granted.as_secs()),
        expires_at: ends.map(|at| unix_seconds(cells.clock.wall(at))),
    })
}

fn router(app: &App) -> Router {
    let view = app.cells.router.borrow();
    let host_is_set = app.cells.settings.router.external_host.is_some();
    Router {
        state: match view.state {
            RouterState::Disabled => "disabled",
            RouterState::Searching { .. } => "searching",
            RouterState::Found => "found",
            RouterState::Lost { .. } => "lost",
        },
        name: view.found.as_ref().map(|found| found.identity.name.clone()),
        address: view.found.as_ref().map(|found| found.identity.address),
        external_address: view.external.as_ref().and_then(|external| external.address),
        problem: view.problem(host_is_set),
        class: view.class(),
        last_poll: view.last_answer.map(unix_seconds),
    }
}

fn tls(tls: &crate::tls::Tls) -> Tls {
    let certificate = tls.certificate();
    Tls {
        fingerprint: certificate.fingerprint.to_string(),
        self_signed: tls.is_self_signed(),
        expires_at: unix_seconds(certificate.expires_at),
    }
}

fn camera(app: &App) -> Camera {
    let camera = &app.cells.camera;
    let idle = Camera {
        source: None,
        state: "idle",
        problem: None,
        width: None,
        height: None,
        fps: None,
        viewers: camera.viewing.viewers(),
    };
    match camera.health.borrow().clone() {
        CameraHealth::Idle => idle,
        CameraHealth::Starting => Camera {
            state: "live",
            ..idle
        },
        CameraHealth::Failed { reason } => Camera {
            state: "failed",
            problem: Some(reason),
            ..idle
        },
        CameraHealth::Live {
            width,
            height,
            fps,
            description,
        } => Camera {
            source: Some(description),
            state: "live",
            width: Some(width),
            height: Some(height),
            fps: Some(fps),
            ..idle
        },
    }
}

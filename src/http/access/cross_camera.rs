//! From one camera to the next on the LAN.
//!
//! Behind the router's address one cookie reaches every camera, since cookies do not look at ports.
//! On the LAN each camera has an address of its own, and none sees another's cookie. What a page of
//! one camera needs of another goes by *passes*, signed with the site's key, so only where there is
//! one:
//!
//! - for pictures: in the address of an image. Good for the pictures of one camera, five to ten
//!   minutes.
//! - for entering: in a redirect (`/visit/{id}` here → `/enter` there) that puts the session's
//!   cookie there, too. Good once, for one camera, one minute. It stands on no page, so nobody
//!   copies it by accident.
//!
//! Both count only for the address that the visitor has: whoever finds one in a log can do nothing
//! with it from elsewhere.

use std::net::IpAddr;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tracing::debug;

use super::caller::address;
use super::session::cookie;
use super::{Caller, Credential};
use crate::auth::{Claims, Reach, unix_now};
use crate::fleet::{Camera, Locality};
use crate::http::client_network::client_network;
use crate::http::links::Links;
use crate::http::{App, Problem};
use crate::lan::ClientNetwork;
use crate::shared::SharedState;
use porthole_types::InstanceId;

/// What one visitor's login opens at the other cameras.
pub struct CrossCameraLogin<'a> {
    shared: &'a SharedState,
    /// The session or token, where it opens anything elsewhere.
    claims: Option<&'a Claims>,
    visitor: IpAddr,
    /// The host that the visitor speaks to now: its cookie is there already.
    host: &'a str,
}

impl<'a> CrossCameraLogin<'a> {
    /// For who sends this request.
    pub fn of(request: &'a HttpRequest, app: &'a App, caller: &'a Caller) -> Self {
        let host = request.headers().get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let shared = app.shared.authority.reach() == Reach::Site;
        let near = client_network(request, app) == ClientNetwork::Lan;
        Self {
            shared: &app.shared,
            claims: caller.claims().filter(|_| shared && near),
            visitor: address(request),
            host: host.rsplit_once(':').map_or(host, |(host, _)| host),
        }
    }

    /// What to append to the address of a picture of `camera` (`pass=…`); nothing where the visitor
    /// needs no pass, or gets none.
    pub fn picture_query(&self, camera: &Camera) -> Option<String> {
        let (id, claims) = self.needed(camera)?;
        let pass = claims.pass_for_pictures(id, self.visitor, unix_now());
        Some(format!("pass={}", self.shared.authority.sign(&pass)))
    }

    /// The path on *this* camera that leads to the page of `camera` and logs the visitor in there;
    /// nothing where a link straight to it does, or nothing would.
    pub fn page_path(&self, camera: &Camera) -> Option<String> {
        let (id, _) = self.needed(camera)?;
        self.session()?;
        Some(format!("/visit/{id}"))
    }

    fn session(&self) -> Option<&Claims> {
        self.claims
            .filter(|claims| claims.purpose == crate::auth::Purpose::Session)
    }

    fn needed(&self, camera: &Camera) -> Option<(InstanceId, &Claims)> {
        let elsewhere =
            camera.locality == Locality::OtherServer && self.host != camera.lan.ip().to_string();
        let claims = self.claims.filter(|_| elsewhere)?;
        Some((camera.id?, claims))
    }

    /// `pass=…` for entering `camera`, to be used at once.
    fn entry_query(&self, camera: &Camera) -> Option<String> {
        let (id, _) = self.needed(camera)?;
        let once = getrandom::u64().ok()?;
        let pass = self
            .session()?
            .pass_for_entry(id, self.visitor, once, unix_now())?;
        Some(format!("pass={}", self.shared.authority.sign(&pass)))
    }
}

/// `GET /visit/{id}`: to the page of that camera, logged in there as here where that can be.
pub async fn visit(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let nothing = |why: String| Problem::new(StatusCode::NOT_FOUND, why);
    let id: InstanceId = id
        .parse()
        .map_err(|why| nothing(format!("no camera: {why}")))?;
    let fleet = app.shared.fleet.borrow().clone();
    let camera = fleet.cameras.iter().find(|camera| camera.id == Some(id));
    let camera = camera.ok_or_else(|| nothing(format!("no camera {id} is known here")))?;
    let visitor = client_network(&request, &app);
    let url = Links::new(&app.shared)
        .for_visitor(camera, visitor)
        .ok_or_else(|| nothing(format!("{} is not reachable from outside yet", camera.name)))?;
    let cross_camera = CrossCameraLogin::of(&request, &app, &caller);
    let target = match cross_camera.entry_query(camera) {
        Some(pass) => format!("{url}enter?{pass}"),
        None => url.to_string(),
    };
    Ok(redirect(&target).finish())
}

/// What `/enter` is given.
#[derive(Deserialize)]
pub struct Pass {
    pass: String,
}

/// `GET /enter?pass=…`: takes the session over that the visitor has at another camera.
pub async fn enter(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    query: Query<Pass>,
) -> HttpResponse {
    let shared = &app.shared;
    let entered = shared.authority.enter(
        &query.pass,
        &shared.auth_state,
        shared.identity.id,
        address(&request),
    );
    match (entered, &caller.credential) {
        (Ok(session), _) => redirect("/").cookie(cookie(shared, &session)).finish(),
        // Back and forth again, or a page loaded anew.
        (Err(_), Credential::Session(_)) => redirect("/").finish(),
        (Err(why), _) => {
            debug!(%why, "a pass was not taken");
            redirect("/login").finish()
        }
    }
}

fn redirect(target: &str) -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::SeeOther();
    answer
        .insert_header((header::LOCATION, target))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    answer
}

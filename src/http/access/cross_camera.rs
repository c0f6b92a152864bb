//! [`CrossCameraLogin`] carries a login from one camera to the next on the LAN, by tickets. Whether
//! a ticket counts is decided by [`crate::auth::Authority`].
//!
//! Behind the router's address one cookie reaches every camera, since cookies do not look at ports.
//! On the LAN each camera has an address of its own, and none sees another's cookie. What a page of
//! one camera needs of another goes by *tickets*, signed with the site's key, so only where there
//! is one:
//!
//! - picture ticket: in the address of an image. Good for the pictures of one camera, five to ten
//!   minutes.
//! - entry ticket: in a redirect (`/visit/{id}` here → `/enter` there) that puts the session's
//!   cookie there, too. Good once, for one camera, one minute. It is on no page, so nobody copies
//!   it by accident.
//!
//! Both count only for the address that the client has: whoever finds one in a log can do nothing
//! with it from elsewhere.

use std::net::IpAddr;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path, Query, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tracing::debug;

use super::session::cookie;
use super::{Caller, Credential};
use crate::auth::{Claims, LoginScope, Purpose, unix_now};
use crate::fleet::{Camera, Locality};
use crate::http::client_address::client_address;
use crate::http::client_network::client_network;
use crate::http::links::Links;
use crate::http::pages::WebUrl;
use crate::http::{App, Problem};
use crate::lan::ClientNetwork;
use crate::shared::SharedState;
use porthole_types::InstanceId;

/// What one client's login opens at the other cameras.
pub struct CrossCameraLogin<'a> {
    shared: &'a SharedState,
    /// The session or token, where it opens anything elsewhere.
    claims: Option<&'a Claims>,
    client: IpAddr,
    /// The host that the client speaks to now: its cookie is there already.
    host: &'a str,
}

impl<'a> CrossCameraLogin<'a> {
    /// For the caller that sends this request.
    pub fn of(request: &'a HttpRequest, app: &'a App, caller: &'a Caller) -> Self {
        let host = request.headers().get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let whole_site = app.shared.authority.login_scope() == LoginScope::Site;
        let on_lan = client_network(request, app) == ClientNetwork::Lan;
        Self {
            shared: &app.shared,
            claims: caller.claims().filter(|_| whole_site && on_lan),
            client: client_address(request),
            host: host.rsplit_once(':').map_or(host, |(host, _)| host),
        }
    }

    /// What to append to the address of a picture of `camera` (`ticket=…`); none where the client
    /// needs no ticket, or gets none.
    pub fn picture_ticket_query(&self, camera: &Camera) -> Option<String> {
        let (id, claims) = self.ticket_for(camera)?;
        let ticket = claims.picture_ticket(id, self.client, unix_now());
        Some(format!("ticket={}", self.shared.authority.sign(&ticket)))
    }

    /// The path on *this* camera that leads to the page of `camera` and logs the client in there;
    /// none where a link straight to it does, or nothing would.
    pub fn page_path(&self, camera: &Camera) -> Option<String> {
        let (id, _) = self.ticket_for(camera)?;
        self.session()?;
        Some(format!("/visit/{id}"))
    }

    /// Whether a cookie that the client has here goes to this address, too: it is of the same host.
    pub fn shares_host_with(&self, url: &WebUrl) -> bool {
        let host = url.as_str().split("://").nth(1).unwrap_or_default();
        let host = host.split('/').next().unwrap_or_default();
        host.rsplit_once(':').map_or(host, |(host, _)| host) == self.host
    }

    /// The session, where it is one and not a token.
    fn session(&self) -> Option<&Claims> {
        self.claims
            .filter(|claims| claims.purpose == Purpose::Session)
    }

    /// What a ticket for `camera` is made of: its id, and the session or token. None where the
    /// client needs no ticket there, or gets none.
    fn ticket_for(&self, camera: &Camera) -> Option<(InstanceId, &Claims)> {
        let elsewhere =
            camera.locality == Locality::OtherServer && self.host != camera.lan.ip().to_string();
        let known = elsewhere && camera.vouches_for_itself();
        let claims = self.claims.filter(|_| known)?;
        Some((camera.id?, claims))
    }

    /// `ticket=…` for entering `camera`, to be used at once.
    fn entry_ticket_query(&self, camera: &Camera) -> Option<String> {
        let (id, _) = self.ticket_for(camera)?;
        let nonce = getrandom::u64().ok()?;
        let ticket = self
            .session()?
            .entry_ticket(id, self.client, nonce, unix_now())?;
        Some(format!("ticket={}", self.shared.authority.sign(&ticket)))
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
    let network = client_network(&request, &app);
    let url = Links::new(&app.shared)
        .for_client(camera, network)
        .ok_or_else(|| nothing(format!("{} is not reachable from outside yet", camera.name)))?;
    if !camera.vouches_for_itself() {
        return Ok(redirect(&format!("/leave?to={}", camera.lan)).finish());
    }
    let cross_camera = CrossCameraLogin::of(&request, &app, &caller);
    let target = match cross_camera.entry_ticket_query(camera) {
        Some(ticket) => format!("{url}enter?{ticket}"),
        None => url.to_string(),
    };
    Ok(redirect(&target).finish())
}

/// The query of `/enter`.
#[derive(Deserialize)]
pub struct EntryQuery {
    ticket: String,
}

/// `GET /enter?ticket=…`: takes over the session that the client has at another camera.
pub async fn enter(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    query: Query<EntryQuery>,
) -> HttpResponse {
    let shared = &app.shared;
    let redeemed = shared.authority.redeem_entry_ticket(
        &query.ticket,
        &shared.auth_state,
        shared.identity.id,
        client_address(&request),
    );
    match (redeemed, &caller.credential) {
        (Ok(session), _) => redirect("/").cookie(cookie(shared, &session)).finish(),
        // Back and forth again, or a page loaded anew.
        (Err(_), Credential::Session(_)) => redirect("/").finish(),
        (Err(why), _) => {
            debug!(%why, "a ticket was not taken");
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

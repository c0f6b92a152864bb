//! The middleware around the handlers: panics end in a 500, requests are counted, and callers are
//! refused what they may not do.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, ResponseError as _, web};
use futures_util::FutureExt as _;

use super::access::{self, AuthPolicy, Caller, Denied};
use super::client_address::{AddressEvidence, origin, unknown_proxy};
use super::client_network::client_network;
use super::open_connection::OpenConnection;
use super::{App, Problem};
use crate::auth::Access;
use crate::lan::ClientNetwork;
use crate::metrics::StatusClass;

/// A handler that panics costs its own request and says so; actix-web alone would drop the
/// connection.
pub async fn catch_panic<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(response) => response,
        // The panic hook has logged what and where.
        Err(_) => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this request ran into an error of the program; the log says more",
        )
        .into()),
    }
}

/// Counts requests by route (never by path: a client must not be able to make up label values).
pub async fn count<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let began = Instant::now();
    let app = request.app_data::<web::Data<App>>().cloned();
    let unknown_client = unknown_proxy(request.request()).is_some();
    let response = next.call(request).await;
    if let Some(app) = app {
        let route = match &response {
            Ok(response) => response.request().match_pattern(),
            Err(_) => None,
        };
        let code = match &response {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        let counts = app
            .shared
            .metrics
            .http
            .route(route.as_deref().unwrap_or_default());
        let class = StatusClass::of_code(code.as_u16());
        counts.requests_total.of(class).inc();
        counts
            .request_duration_seconds
            .observe(began.elapsed().as_secs_f64());
        if unknown_client {
            app.shared.metrics.http_unknown_clients_total.inc();
        }
    }
    response
}

/// Finds out who asks, and refuses whom the policy of the path does not allow: below viewers, where
/// it requires a login. The handlers find a [`Caller`] in the request's extensions.
pub async fn authenticate<B: MessageBody>(
    policy: AuthPolicy,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let Some(app) = request.app_data::<web::Data<App>>().cloned() else {
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "nobody answers here").into());
    };
    let caller = match (access::authenticate(&request, &app, policy).await, policy) {
        (Ok(caller), AuthPolicy::Required) if caller.access().is_none() => {
            Err(Denied::Unknown(caller.stale))
        }
        // A wrong credential in a header does not keep anybody from logging in.
        (Err(_), AuthPolicy::Public | AuthPolicy::Optional) => Ok(Caller::default()),
        (caller, _) => caller,
    };
    let caller = match caller {
        Ok(caller) => caller,
        Err(denied) => {
            let answer = denied.answer(request.request());
            return Ok(request.into_response(answer).map_into_right_body());
        }
    };
    if caller.logged_in().is_some()
        && let Some(connection) = OpenConnection::of(request.request())
    {
        connection.raise();
    }
    request.extensions_mut().insert(caller.clone());
    let mut answer = next.call(request).await?;
    if policy == AuthPolicy::Required {
        access::renew(&app.shared, &caller, answer.response_mut());
    }
    let (request, response) = (answer.request().clone(), answer.response_mut());
    access::secure_cookies(&request, response.headers_mut());
    Ok(answer.map_into_left_body())
}

/// For the LAN only, without a login: metrics and debugging tell too much to the Internet.
pub async fn lan_only<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let app = request.app_data::<web::Data<App>>();
    let on_lan =
        app.is_some_and(|app| client_network(request.request(), app) == ClientNetwork::Lan);
    if !on_lan {
        let why = "this is for visitors on the LAN only";
        return Ok(refuse(request, why));
    }
    if !request.method().is_safe() && !sent_by_own_page(&request) {
        let why = another_site(&request);
        return Ok(refuse(request, why));
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// For admins, on any network, but never for the page of another site.
pub async fn admin_only<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if !sent_by_own_page(&request) {
        let why = another_site(&request);
        return Ok(refuse(request, why));
    }
    let caller = request.extensions().get::<Caller>().cloned();
    let caller = caller.unwrap_or_default();
    match caller.logged_in() {
        Some(Access::Admin) => Ok(next.call(request).await?.map_into_left_body()),
        Some(Access::Viewer) => Ok(refuse(request, "this is for the admin: log in as admin")),
        None => {
            let answer = Denied::Unknown(caller.stale).answer(request.request());
            Ok(request.into_response(answer).map_into_right_body())
        }
    }
}

/// For anybody, but never for the page of another site, which must not log people in or out.
pub async fn own_pages_only<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if !sent_by_own_page(&request) {
        let why = another_site(&request);
        return Ok(refuse(request, why));
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// Why a command that another site's page has sent is refused. A proxy that does not pass the name
/// on that was asked for makes the camera's own pages look like that.
fn another_site(request: &ServiceRequest) -> &'static str {
    match origin(request.request()).evidence {
        AddressEvidence::Connection => "this was sent by a page of another site",
        AddressEvidence::TrustedProxy | AddressEvidence::Unknown => {
            "this was sent by a page of another site; if it was not, let the reverse proxy pass on \
             Host as it was asked, with the port (docs/guide/proxy.md)"
        }
    }
}

fn refuse<B>(request: ServiceRequest, why: &str) -> ServiceResponse<EitherBody<B>> {
    let problem = Problem::new(StatusCode::FORBIDDEN, why);
    request
        .into_response(problem.error_response())
        .map_into_right_body()
}

/// Whether no other site's page has sent this command: a browser names the site of the page that
/// sends one (`Origin`). A client that is no browser sends no such header, and passes. Over TLS
/// browsers also send a header of their own (`Sec-Fetch-Site`; `none`: the person typed the
/// address).
fn sent_by_own_page(request: &ServiceRequest) -> bool {
    let bytes = |name| {
        request
            .headers()
            .get(name)
            .map(header::HeaderValue::as_bytes)
    };
    let fetched = request.headers().get("sec-fetch-site");
    let fetched = fetched.map(header::HeaderValue::as_bytes);
    let same_site = matches!(fetched, None | Some(b"same-origin" | b"none"));
    same_site && is_same_site(bytes(header::ORIGIN), bytes(header::HOST))
}

/// Whether `Origin`, if there is one, is the site that `Host` names.
fn is_same_site(origin: Option<&[u8]>, host: Option<&[u8]>) -> bool {
    let Some(origin) = origin else { return true };
    let site = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"));
    site.is_some() && site == host
}

#[cfg(test)]
mod tests {
    use super::is_same_site;

    #[test]
    fn a_command_comes_from_this_servers_pages_or_from_no_page_at_all() {
        let host = Some(&b"192.168.1.5:8080"[..]);
        assert!(is_same_site(None, host));
        assert!(is_same_site(Some(b"http://192.168.1.5:8080"), host));
        for other in ["http://192.168.1.5:8081", "http://evil.example", "null", ""] {
            assert!(!is_same_site(Some(other.as_bytes()), host), "{other:?}");
        }
        assert!(!is_same_site(Some(b"null"), None));
    }
}

//! What stands around every handler: panics end in a 500, requests are counted, some paths are for the LAN.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _, web};
use futures_util::FutureExt as _;

use super::{App, Problem, Visitor};
use crate::metrics::{Route, StatusClass};

/// A handler that panics costs its own request and says so; actix-web alone would drop the connection.
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

/// Counts requests by route (never by path: a stranger must not be able to make up label values).
pub async fn count<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let began = Instant::now();
    let app = request.app_data::<web::Data<App>>().cloned();
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
        let metrics = &app.cells.metrics;
        let route = Route::of_pattern(route.as_deref().unwrap_or_default());
        let class = StatusClass::of_code(code.as_u16());
        metrics.http_requests_total.of((route, class)).inc();
        metrics
            .http_request_duration_seconds
            .of(route)
            .observe(began.elapsed().as_secs_f64());
    }
    response
}

/// Until there are passwords to ask for, nobody outside sees anything unless the operator says
/// `auth.public_view`: what opens itself to the Internet is closed by default. Health checks say nothing
/// that is worth hiding.
pub async fn watch_only_by_leave<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let app = request.app_data::<web::Data<App>>();
    let welcome = app.is_some_and(|app| {
        app.cells.settings.auth.public_view
            || Visitor::of(request.request(), app) == Visitor::OnLan
            || matches!(request.path(), "/healthz" | "/readyz")
    });
    if welcome {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let why = "This camera shows itself on its own LAN only: passwords are not built yet. Whoever runs it \
               lets anybody watch from outside with the setting auth.public_view = true.";
    let problem = Problem::new(StatusCode::FORBIDDEN, why);
    Ok(request
        .into_response(problem.error_response())
        .map_into_right_body())
}

/// For the LAN only: metrics and debugging tell too much to the Internet.
pub async fn lan_only<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let app = request.app_data::<web::Data<App>>();
    let near = app.is_some_and(|app| Visitor::of(request.request(), app) == Visitor::OnLan);
    if near {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let problem = Problem::new(
        StatusCode::FORBIDDEN,
        "this is for visitors on the LAN only",
    );
    Ok(request
        .into_response(problem.error_response())
        .map_into_right_body())
}

/// For whoever administers this camera. Until there is a login that is anybody on the LAN, but never the page of
/// another site.
pub async fn admin_only<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let app = request.app_data::<web::Data<App>>();
    let near = app.is_some_and(|app| Visitor::of(request.request(), app) == Visitor::OnLan);
    if near && sent_by_own_page(&request) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let problem = Problem::new(
        StatusCode::FORBIDDEN,
        "this is for the pages of this camera, seen on the LAN",
    );
    Ok(request
        .into_response(problem.error_response())
        .map_into_right_body())
}

/// Whether a command may count: its body proves nothing, but a browser names the site that sends one (`Origin`), and
/// only pages of this server may. What is no browser says nothing, and is asked for nothing.
fn sent_by_own_page(request: &ServiceRequest) -> bool {
    let bytes = |name| {
        request
            .headers()
            .get(name)
            .map(header::HeaderValue::as_bytes)
    };
    is_own(bytes(header::ORIGIN), bytes(header::HOST))
}

/// Whether `Origin`, if there is one, is the site that `Host` names.
fn is_own(origin: Option<&[u8]>, host: Option<&[u8]>) -> bool {
    let Some(origin) = origin else { return true };
    let site = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"));
    site.is_some() && site == host
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn a_command_comes_from_this_servers_pages_or_from_no_page_at_all() {
        let host = Some(&b"192.168.1.5:8080"[..]);
        assert!(is_own(None, host));
        assert!(is_own(Some(b"http://192.168.1.5:8080"), host));
        for other in ["http://192.168.1.5:8081", "http://evil.example", "null", ""] {
            assert!(!is_own(Some(other.as_bytes()), host), "{other:?}");
        }
        assert!(!is_own(Some(b"null"), None));
    }
}

//! `/healthz`, `/readyz` and `/metrics`: for process supervisors, load balancers and Prometheus.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::App;
use crate::shared::RouterState;

/// Alive: the web server answers.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("ok\n")
}

/// Ready: there is an address to be reached at, and it is known whether there is a router.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    let lan = app.shared.lan.borrow();
    let missing = match (&*lan, &app.shared.router.borrow().state) {
        (Err(why), _) => Some(why.to_string()),
        (Ok(_), RouterState::Searching { why: None }) => Some("looking for the router".to_owned()),
        (Ok(_), _) => None,
    };
    match missing {
        None => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body("ready\n"),
        Some(missing) => HttpResponse::ServiceUnavailable()
            .content_type("text/plain; charset=utf-8")
            .body(format!("not ready: {missing}\n")),
    }
}

/// The Prometheus text format.
pub async fn metrics(app: Data<App>) -> HttpResponse {
    let shared = &app.shared;
    shared
        .metrics
        .set_camera_info(shared.identity.id, &shared.name.shown());
    let waiting = shared.authority.passwords_waiting();
    shared
        .metrics
        .passwords_waiting
        .set(i64::try_from(waiting).unwrap_or(i64::MAX));
    let (content_type, text) = shared.metrics.render();
    HttpResponse::Ok().content_type(content_type).body(text)
}

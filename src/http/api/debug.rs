//! `POST /api/v1/debug/crash/{actor}`: only where the settings allow it, 404 otherwise.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};

use crate::http::{App, Problem};
use crate::messages::PanicNow;

/// Crash an actor
///
/// For tests, only where the settings say `debug.allow_crash = true`, and for clients on the LAN
/// only: the actor panics and begins again. Answers without waiting for it.
#[utoipa::path(
    post,
    path = "/api/v1/debug/crash/{actor}",
    tag = "machines",
    security(()),
    params((
        "actor" = String,
        Path,
        description = "`router`, `registry`, `election`, `lan`, `discovery`, `capture`, `encoder`, \
                       `drive` or `http`",
        example = "registry",
    )),
    responses(
        (status = 202, description = "It is going to panic"),
        (status = 404, description = "There is no such actor, or the settings do not allow this"),
        (status = 503, description = "It takes no message now"),
    ),
)]
pub async fn crash(app: Data<App>, actor: Path<String>) -> Result<HttpResponse, Problem> {
    let known = app.actors.panic_now.get(actor.as_str());
    let allowed = app.shared.settings.debug.allow_crash;
    let Some(actor) = known.filter(|_| allowed) else {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "there is nothing to crash here",
        ));
    };
    match actor.try_send(PanicNow) {
        Ok(()) => Ok(HttpResponse::Accepted().finish()),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the actor takes no message now; try again",
        )),
    }
}

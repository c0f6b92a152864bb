//! `POST /api/v1/representative/withdraw`: this server stops being the representative and
//! stays in the fleet.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::wait_for_router::{PATIENCE, wait_until};
use crate::fleet::{Camera, Vouched};
use crate::http::client_network::client_network;
use crate::http::links::UrlResolver;
use crate::http::{App, Problem};
use crate::messages::election::StepDown;
use crate::shared::{LeadershipView, SharedState};
use porthole_election::{Request, Role};
use porthole_types::Term;

/// It is not the representative any more.
#[derive(Serialize, ToSchema)]
pub struct Withdrawn {
    /// The term that ends so.
    term: Term,
    /// What happens now, for a person.
    words: &'static str,
}

/// Withdraw
///
/// This camera stops being the representative and stays in the fleet; another one takes over.
/// Answers when the router has given the port back.
#[utoipa::path(
    post,
    path = "/api/v1/representative/withdraw",
    tag = "commands",
    responses(
        (status = 200, description = "Another one takes over", body = Withdrawn),
        (
            status = 409,
            description = "It is not the representative, or no other camera could take over"
        ),
        (
            status = 504,
            description = "The router has not answered yet; it withdraws as soon as that does"
        ),
    ),
)]
pub async fn withdraw(request: HttpRequest, app: Data<App>) -> Result<Json<Withdrawn>, Problem> {
    let shared = &app.shared;
    let conflict = |why: String| Err(Problem::new(StatusCode::CONFLICT, why));
    if shared.role_now() != Role::Representative {
        return conflict(not_the_representative(&request, &app));
    }
    if !shared
        .fleet
        .borrow()
        .others()
        .any(|other| may_succeed(shared, other))
    {
        return conflict(
            "no other camera is known that could take over, so this one stays the representative"
                .to_owned(),
        );
    }
    // The next one may be the representative before this is answered, and that is another term.
    let term = shared.role.load().term;
    let released = async {
        // An error is a crash on this very message: what it did shows in the role cell all the
        // same.
        let _ = app.actors.step_down.send(StepDown).await;
        wait_until(shared, || is_released(shared)).await;
    };
    match tokio::time::timeout(PATIENCE, released).await {
        Ok(()) => Ok(Json(Withdrawn {
            term,
            words: "This camera is not the representative any more; another one takes over at the \
                    same address within seconds.",
        })),
        Err(_) => Err(Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "the router has not given the port back within {} s; this camera withdraws as soon \
                 as it does",
                PATIENCE.as_secs()
            ),
        )),
    }
}

/// Whether a camera could be the next representative: one that speaks, or, where none is listened
/// to, any in the table.
fn may_succeed(shared: &SharedState, camera: &Camera) -> bool {
    camera.vouched == Vouched::ByItself || !shared.settings.lan.enabled
}

/// Whether this server is not the representative, and the router has answered for the port.
fn is_released(shared: &SharedState) -> bool {
    let asked = Request::Release(shared.role.rules().representative_port);
    shared.role_now() != Role::Representative && shared.role.load().pending != Some(asked)
}

fn not_the_representative(request: &HttpRequest, app: &App) -> String {
    let urls = UrlResolver::new(&app.shared, client_network(request, app));
    let Some(LeadershipView::Held { by, .. }) = urls.leadership(&app.shared) else {
        return "this camera is not the representative, and none is known".to_owned();
    };
    let at = by.url.map_or(String::new(), |url| format!(" at {url}"));
    format!("not this camera but {}{at} is the representative", by.name)
}

//! `/api/v1/exposure`: the switch of ¶84, whether this camera is to be reached from outside.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wait_for_router::{CHECK_INTERVAL, PATIENCE, wait_until};
use crate::http::json_object::Object;
use crate::http::{App, Problem};
use crate::messages::election::SetRemoteAccess;
use crate::shared::SharedState;
use porthole_election::RemoteAccess;
use porthole_types::ExternalPort;

/// The switch, and what has come of it.
#[derive(Serialize, ToSchema)]
#[schema(as = RemoteAccess)]
pub struct RemoteAccessSwitch {
    /// Whether this camera asks the router for a port.
    enabled: bool,
    /// Its port on the router now, if it has one.
    #[schema(value_type = Option<u16>, minimum = 1, example = 8081)]
    port: Option<ExternalPort>,
    /// The same for a person.
    #[schema(example = "This camera is reached from outside at port 8081 of the router.")]
    words: String,
}

/// The state to which the switch is to be turned.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExposureWanted {
    /// Whether this camera is to ask the router for a port.
    enabled: bool,
}

/// The switch
///
/// Whether this camera asks the router for a port (¶84), and what has come of it.
#[utoipa::path(
    get,
    path = "/api/v1/exposure",
    tag = "state",
    responses((status = 200, description = "How it is", body = RemoteAccessSwitch)),
)]
pub async fn remote_access(app: Data<App>) -> Json<RemoteAccessSwitch> {
    Json(current(&app.shared))
}

/// Turn the switch
///
/// For good: a restart does not change it back. Off, the router is asked to delete this camera's
/// mappings, a representative hands its leadership on first, and the LAN is served as before.
/// Answers when the router has done it, or after 5 s that it has not yet.
#[utoipa::path(
    put,
    path = "/api/v1/exposure",
    tag = "commands",
    request_body = ExposureWanted,
    responses(
        (status = 200, description = "How it is now", body = RemoteAccessSwitch),
        (
            status = 409,
            description = "It is to be turned on, and the settings say router.enabled = false"
        ),
        (status = 500, description = "It could not be kept on the disk; nothing was changed"),
        (status = 504, description = "It is off, but the router has not given the port back yet"),
    ),
)]
pub async fn expose(
    app: Data<App>,
    wanted: Json<Object<ExposureWanted>>,
) -> Result<Json<RemoteAccessSwitch>, Problem> {
    let shared = &app.shared;
    let remote_access = if wanted.0.0.enabled {
        RemoteAccess::On
    } else {
        RemoteAccess::Off
    };
    if remote_access == RemoteAccess::On && !shared.settings.router.enabled {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "the settings of this camera say router.enabled = false, and that goes before this \
             switch",
        ));
    }
    // First on the disk: a camera that was switched off must not be back on the Internet after a
    // power cut.
    let kept = shared.remember_remote_access(remote_access);
    if let Err(why) = kept.wait().await {
        shared.restore_remote_access().detach();
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("nothing was changed: {why}"),
        ));
    }
    let turned = async {
        while app
            .actors
            .set_remote_access
            .send(SetRemoteAccess(remote_access))
            .await
            .is_err()
        {
            // It crashed on this very message, and is restarted in a moment.
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
        wait_until(shared, || is_done(shared, remote_access)).await;
    };
    match tokio::time::timeout(PATIENCE, turned).await {
        Ok(()) => Ok(Json(current(shared))),
        // Without a router there is no port to give back or to get; `words` says so.
        Err(_) if remote_access == RemoteAccess::On || shared.external_port().is_none() => {
            Ok(Json(current(shared)))
        }
        Err(_) => Err(Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "this camera is switched off, but the router has not given its port back within \
                 {} s; the camera goes on asking, and the mapping ends with its lease at the \
                 latest",
                PATIENCE.as_secs()
            ),
        )),
    }
}

/// Whether the switch is turned so, and the router has done what follows from it.
fn is_done(shared: &SharedState, remote_access: RemoteAccess) -> bool {
    let state = shared.role.load();
    let holds = state.leadership.is_some() || state.own.is_some();
    let followed = match remote_access {
        RemoteAccess::On => holds,
        RemoteAccess::Off => !holds && state.pending.is_none(),
    };
    state.remote_access == remote_access && followed
}

fn current(shared: &SharedState) -> RemoteAccessSwitch {
    let remote_access = shared.remote_access();
    let port = shared.external_port();
    let words = match (remote_access, port) {
        (RemoteAccess::On, Some(port)) => {
            format!("This camera is reached from outside at port {port} of the router.")
        }
        (RemoteAccess::On, None) => {
            "This camera asks the router for a port, and has none yet.".to_owned()
        }
        (RemoteAccess::Off, None) => {
            "This camera is reached on the LAN only: it has no port on the router and asks for \
             none."
                .to_owned()
        }
        (RemoteAccess::Off, Some(port)) => {
            format!("This camera is switched off; the router has yet to give port {port} back.")
        }
    };
    RemoteAccessSwitch {
        enabled: remote_access == RemoteAccess::On,
        port,
        words,
    }
}

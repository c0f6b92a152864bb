//! `/api/v1/cameras/{id}`: one camera, and what people call it (¶53), from any camera of the fleet.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, ReqData};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::cameras::CameraView;
use crate::fleet::{Camera, Labels, Who};
use crate::http::access::Caller;
use crate::http::json_object::Object;
use crate::http::page_models::Viewpoint;
use crate::http::{App, Problem};
use crate::lan::NotDone;
use crate::messages::lan::RenameCamera;
use porthole_types::InstanceId;
use porthole_types::Name;

/// How long another camera may take to answer. The lan actor gives up sooner; this bounds a hang of
/// its own.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to change of a camera.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CameraPatch {
    /// Its new name. With null it goes by its settings or its number again.
    // A function of its own keeps serde from taking a missing field for null.
    #[serde(deserialize_with = "present")]
    #[schema(required, value_type = Option<Name>)]
    name: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(text)
}

/// One camera
///
/// The same as in the list of all.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{id}",
    tag = "state",
    params(("id" = InstanceId, Path, description = "Which camera: its `id` in `/api/v1/cameras`")),
    responses(
        (status = 200, description = "The camera", body = CameraView),
        (status = 404, description = "No camera has this id"),
    ),
)]
pub async fn camera(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    id: Path<InstanceId>,
) -> Result<Json<CameraView>, Problem> {
    let camera = find(&app, *id)?;
    Ok(Json(view(&request, &app, &caller, &camera)))
}

/// Name a camera
///
/// Any camera of the fleet, asked of any: another than the one that answers is asked over the LAN
/// and has taken the name when this answers. Every page shows it within a second; the name survives
/// restarts. On any error nothing has been changed, except after 504: an answer that was lost may
/// have left the camera renamed.
#[utoipa::path(
    patch,
    path = "/api/v1/cameras/{id}",
    tag = "commands",
    request_body = CameraPatch,
    params(("id" = InstanceId, Path, description = "Which camera: its `id` in `/api/v1/cameras`")),
    responses(
        (status = 200, description = "The camera, with its name as it is now", body = CameraView),
        (status = 404, description = "No camera has this id"),
        (status = 500, description = "The name could not be kept on the disk"),
        (status = 502, description = "The camera was asked and would not, or cannot be asked"),
        (status = 503, description = "Too many such requests are under way"),
        (status = 504, description = "The camera has not answered"),
    ),
)]
pub async fn rename(
    request: HttpRequest,
    app: Data<App>,
    caller: ReqData<Caller>,
    id: Path<InstanceId>,
    patch: Json<Object<CameraPatch>>,
) -> Result<Json<CameraView>, Problem> {
    let name = patch.into_inner().0.name.as_deref().map(Name::new);
    let name = name
        .transpose()
        .map_err(|why| Problem::of_field("name", why.to_string()))?;
    let mut camera = find(&app, *id)?;
    match camera.who {
        Who::Me => {
            rename_self(&app, name).await?;
            camera.name = app.shared.name.shown();
        }
        Who::Another => {
            rename_other(&app, *id, &camera, name.clone()).await?;
            // Its next Report may be under way still.
            camera = find(&app, *id).unwrap_or(camera);
            if let Some(name) = name {
                camera.name = name.into();
            }
        }
    }
    Ok(Json(view(&request, &app, &caller, &camera)))
}

fn view(request: &HttpRequest, app: &App, caller: &Caller, camera: &Camera) -> CameraView {
    let labels = Labels::of(&app.shared.fleet.borrow());
    CameraView::of(camera, &labels, &Viewpoint::of(request, app, caller))
}

fn find(app: &App, id: InstanceId) -> Result<Camera, Problem> {
    let fleet = app.shared.fleet.borrow().clone();
    let camera = fleet.cameras.iter().find(|camera| camera.id == Some(id));
    camera.cloned().ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("no camera with the id {id} is known here"),
        )
    })
}

async fn rename_self(app: &App, name: Option<Name>) -> Result<(), Problem> {
    app.shared.rename_for_good(name).await.map_err(|why| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the name could not be kept, and is as before: {why}"),
        )
    })
}

async fn rename_other(
    app: &App,
    id: InstanceId,
    camera: &Camera,
    name: Option<Name>,
) -> Result<(), Problem> {
    let asked = app.actors.rename_camera.send(RenameCamera {
        id,
        address: *camera.lan.ip(),
        name,
    });
    let answer = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => answer,
        // It is being restarted, or hangs.
        Ok(Err(_)) | Err(_) => Err(NotDone::Unanswered),
    };
    let Err(why) = answer else { return Ok(()) };
    let (status, changed) = match why {
        NotDone::Silent | NotDone::Refused(_) => (StatusCode::BAD_GATEWAY, "nothing was changed"),
        NotDone::Busy => (StatusCode::SERVICE_UNAVAILABLE, "nothing was changed"),
        NotDone::Unanswered => (
            StatusCode::GATEWAY_TIMEOUT,
            "as far as this camera knows nothing was changed",
        ),
    };
    Err(Problem::new(
        status,
        format!("{} ({id}) was not renamed: {why}; {changed}", camera.name),
    ))
}

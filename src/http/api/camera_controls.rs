//! `/api/v1/camera/controls`: the V4L2 controls of the camera, beside pan, tilt and zoom.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::camera_settings::wait_until_stored;
use super::whole_number::whole_number;
use crate::http::json_object::Object;
use crate::http::{App, Problem};
use porthole_camera::control::{self, Access, ControlChangeError, ControlId};
use porthole_camera::control_queue::ControlError;
use porthole_camera::control_worker::ControlWorker;
use porthole_camera::drive::DriveError;

/// One control, as it is now.
#[derive(Serialize, ToSchema)]
pub struct Control {
    /// V4L2's number for it, the same on every camera for the common ones.
    #[schema(example = 9_963_776)]
    id: u32,
    /// What the camera calls it.
    #[schema(example = "Brightness")]
    name: String,
    kind: ControlKind,
    /// What it is, 0 or 1 for a boolean; null for a button.
    #[schema(example = 128)]
    value: Option<i32>,
    /// The least value.
    #[schema(example = 0)]
    min: i32,
    /// The greatest value.
    #[schema(example = 255)]
    max: i32,
    /// The camera rounds to multiples of this above `min`.
    #[schema(minimum = 1, example = 1)]
    step: u32,
    /// What it was made with.
    #[schema(example = 128)]
    default: i32,
    /// What a menu can be set to.
    options: Vec<ControlOption>,
    /// Whether it can be set as the other controls are now.
    writable: bool,
}

/// What kind of value a control takes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ControlKind {
    /// A number of its range.
    Integer,
    /// 0 or 1.
    Boolean,
    /// One of its options.
    Menu,
    /// Any: setting it does something once.
    Button,
}

/// An entry of a menu.
#[derive(Serialize, ToSchema)]
struct ControlOption {
    /// What to set.
    #[schema(example = 1)]
    value: i32,
    /// What the camera calls it.
    #[schema(example = "50 Hz")]
    name: String,
}

/// Controls to set, in this order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlChanges {
    #[schema(value_type = Vec<ControlChange>, max_items = 128)]
    controls: Vec<Object<ControlChange>>,
}

/// A control and what it is to become.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ControlChange {
    /// V4L2's number for the control.
    #[serde(deserialize_with = "whole_number")]
    #[schema(minimum = 0, maximum = 4_294_967_295_u32, example = 9_963_776)]
    id: u32,
    /// What it is to become; of no meaning for a button.
    #[serde(deserialize_with = "whole_number")]
    #[schema(minimum = -2_147_483_648, maximum = 2_147_483_647, example = 0)]
    value: i32,
}

/// The camera's controls
///
/// Asked of the camera now; one that nobody watches is opened for that, without a picture. At most
/// 128, with at most 64 options each. Controls of 64 bits, texts, structures and what the camera
/// marks as disabled are left out.
#[utoipa::path(
    get,
    path = "/api/v1/camera/controls",
    tag = "state",
    responses(
        (status = 200, description = "All of them", body = Vec<Control>),
        (
            status = 503,
            description = "The camera is not connected, fails, or too many questions wait for it"
        ),
        (status = 504, description = "The camera has not answered"),
    ),
)]
pub async fn controls(app: Data<App>) -> Result<Json<Vec<Control>>, Problem> {
    let control_queue = &app.shared.camera.control_queue;
    let controls = control_queue.run(ControlWorker::controls).await?;
    Ok(control_views(controls))
}

/// Set controls
///
/// In the given order, and over restarts and replugging of this camera. All are looked at before
/// the first is set. A control that is not writable now may follow the one that makes it so. Where
/// the camera refuses one all the same, or does not answer, those before it are set.
#[utoipa::path(
    patch,
    path = "/api/v1/camera/controls",
    tag = "commands",
    request_body = ControlChanges,
    responses(
        (status = 200, description = "All controls as they are now", body = Vec<Control>),
        (
            status = 409,
            description = "The camera has no such control, or it does not take that, or not now"
        ),
        (status = 500, description = "It counts now, but could not be stored"),
        (
            status = 503,
            description = "The camera is not connected, fails, or too many questions wait for it"
        ),
        (status = 504, description = "The camera has not answered"),
    ),
)]
pub async fn change(
    app: Data<App>,
    body: Json<Object<ControlChanges>>,
) -> Result<Json<Vec<Control>>, Problem> {
    let Object(ControlChanges { controls }) = body.into_inner();
    let changes: Vec<_> = controls
        .iter()
        .map(|Object(change)| change.into())
        .collect();
    let control_queue = &app.shared.camera.control_queue;
    let set = control_queue.run(move |worker| worker.set(&changes));
    let (controls, kept) = set.await?;
    wait_until_stored(kept).await?;
    Ok(control_views(controls))
}

fn control_views(controls: Vec<control::Control>) -> Json<Vec<Control>> {
    Json(controls.into_iter().map(Control::from).collect())
}

impl From<&ControlChange> for control::ControlChange {
    fn from(change: &ControlChange) -> Self {
        Self {
            id: ControlId(change.id),
            value: change.value,
        }
    }
}

impl From<control::Control> for Control {
    fn from(control: control::Control) -> Self {
        let options = control.options.into_iter();
        Self {
            id: control.id.0,
            name: control.name,
            kind: match control.kind {
                control::ControlKind::Integer => ControlKind::Integer,
                control::ControlKind::Boolean => ControlKind::Boolean,
                control::ControlKind::Menu => ControlKind::Menu,
                control::ControlKind::Button => ControlKind::Button,
            },
            value: control.value,
            min: control.min,
            max: control.max,
            step: control.step,
            default: control.default,
            options: options
                .map(|option| ControlOption {
                    value: option.value,
                    name: option.name,
                })
                .collect(),
            writable: control.access == Access::Writable,
        }
    }
}

impl From<ControlError> for Problem {
    fn from(trouble: ControlError) -> Self {
        let status = match &trouble {
            ControlError::Camera(_) | ControlError::QueueFull | ControlError::Panicked => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ControlError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            ControlError::DeviceRefused { .. }
            | ControlError::InvalidChange(ControlChangeError::Inactive { .. })
            | ControlError::Drive(DriveError::NoAxis | DriveError::MissingAxis(_)) => {
                StatusCode::CONFLICT
            }
            // What a control takes is the camera's to say: the body is as it is described.
            ControlError::InvalidChange(_) => {
                let problem = Self::of_field("controls", trouble.to_string());
                return problem.with_status(StatusCode::CONFLICT);
            }
        };
        Self::new(status, trouble.to_string())
    }
}

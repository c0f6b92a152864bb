//! `/api/v1/camera/controls`: what else the camera lets people set, as it says itself.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};

use super::camera_settings::stored;
use super::{App, Problem};
use crate::camera::control::{Access, Change, Choice, Control, ControlId, Kind, Refused};
use crate::camera::desk::Trouble;
use crate::camera::drive::NoDrive;

/// One control, as it is now.
#[derive(Serialize)]
pub struct Shown {
    id: ControlId,
    name: String,
    kind: Kind,
    /// None for buttons.
    value: Option<i32>,
    min: i32,
    max: i32,
    step: u32,
    default: i32,
    /// For menus.
    options: Vec<Choice>,
    /// Whether it can be set as the other controls are now.
    writable: bool,
}

/// What to set, in this order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    controls: Vec<Change>,
}

impl From<Control> for Shown {
    fn from(control: Control) -> Self {
        Self {
            id: control.id,
            name: control.name,
            kind: control.kind,
            value: control.value,
            min: control.min,
            max: control.max,
            step: control.step,
            default: control.default,
            options: control.options,
            writable: control.access == Access::Writable,
        }
    }
}

/// `GET`: all of them, asked of the camera now. A camera that nobody watches is opened for that, without a picture.
pub async fn list(app: Data<App>) -> Result<Json<Vec<Shown>>, Problem> {
    let desk = &app.cells.camera.desk;
    let controls = desk.ask(|attendant| attendant.controls()).await?;
    Ok(shown(controls))
}

/// `PATCH {"controls": [{"id": …, "value": …}]}`: sets them, and says what all are then.
pub async fn change(app: Data<App>, body: Json<Changes>) -> Result<Json<Vec<Shown>>, Problem> {
    let Changes { controls } = body.into_inner();
    let desk = &app.cells.camera.desk;
    let set = desk.ask(move |attendant| attendant.set(&controls));
    let (controls, kept) = set.await?;
    stored(kept).await?;
    Ok(shown(controls))
}

fn shown(controls: Vec<Control>) -> Json<Vec<Shown>> {
    Json(controls.into_iter().map(Shown::from).collect())
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        let status = match &trouble {
            Trouble::Camera(_) | Trouble::Full | Trouble::Failed => StatusCode::SERVICE_UNAVAILABLE,
            Trouble::Late => StatusCode::GATEWAY_TIMEOUT,
            Trouble::NotTaken { .. }
            | Trouble::Refused(Refused::Inactive { .. })
            | Trouble::NoDrive(NoDrive::Nothing) => StatusCode::CONFLICT,
            Trouble::Refused(_) | Trouble::NoDrive(NoDrive::Without(_)) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        };
        Self::new(status, trouble.to_string())
    }
}

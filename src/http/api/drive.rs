//! `/api/v1/drive`: where the camera points, and turning it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::drive::Turn;
use crate::camera::drive::Position;
use crate::http::{App, Problem};

/// Arc seconds to the right and upwards, 0 at home (the unit of V4L2's pan and tilt controls).
#[derive(Serialize, ToSchema)]
pub struct Pointing {
    /// To the right.
    #[schema(example = 36000)]
    pan: i32,
    /// Upwards.
    #[schema(example = 0)]
    tilt: i32,
}

/// Where to: a position, or a step from where it is.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// A position.
    To(Angles),
    /// A step.
    By(Angles),
    /// Straight ahead.
    Home,
}

/// Arc seconds; what is left out is 0. What lies beyond the limits of the drive stops there.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Angles {
    /// To the right.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = -2_147_483_648, maximum = 2_147_483_647, example = 36000)]
    pan: i32,
    /// Upwards.
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = -2_147_483_648, maximum = 2_147_483_647, example = -1800)]
    tilt: i32,
}

/// A whole number however it is written: to JSON 36000.0 is one, too.
fn whole<'de, D: Deserializer<'de>>(number: D) -> Result<i32, D::Error> {
    let number = f64::deserialize(number)?;
    let whole = number as i32;
    // A cast that has changed nothing has lost nothing.
    if f64::from(whole) == number {
        return Ok(whole);
    }
    Err(D::Error::custom(format!(
        "{number} is no whole number from {} to {}",
        i32::MIN,
        i32::MAX
    )))
}

impl From<Position> for Pointing {
    fn from(Position { pan, tilt }: Position) -> Self {
        Self { pan, tilt }
    }
}

impl From<Angles> for Position {
    fn from(Angles { pan, tilt }: Angles) -> Self {
        Self { pan, tilt }
    }
}

/// Where the camera points
#[utoipa::path(
    get,
    path = "/api/v1/drive",
    tag = "state",
    responses((status = 200, description = "Where it points", body = Pointing)),
)]
pub async fn position(app: Data<App>) -> Json<Pointing> {
    Json(app.cells.camera.drive.position().into())
}

/// Turn the camera
///
/// To a position, by a step, or home. It stops at its limits; the answer is where it points then.
#[utoipa::path(
    post,
    path = "/api/v1/drive",
    tag = "commands",
    responses(
        (status = 200, description = "Where it points now", body = Pointing),
        (status = 503, description = "The drive is being restarted"),
    ),
)]
pub async fn turn(app: Data<App>, command: Json<Command>) -> Result<Json<Pointing>, Problem> {
    let turn = match command.into_inner() {
        Command::To(angles) => Turn::To(angles.into()),
        Command::By(angles) => Turn::By(angles.into()),
        Command::Home => Turn::To(Position::HOME),
    };
    match app.actors.drive.send(turn).await {
        Ok(position) => Ok(Json(position.into())),
        Err(_) => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the drive is being restarted; where the camera points is not known, try again",
        )),
    }
}

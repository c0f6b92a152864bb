//! `/api/v1/drive`: where the camera points, and turning it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};

use crate::actors::drive::Turn;
use crate::camera::drive::Position;
use crate::http::{App, Problem};

/// Arc seconds to the right and upwards, 0 at home (the unit of V4L2's pan and tilt controls).
#[derive(Serialize)]
pub struct Pointing {
    pan: i32,
    tilt: i32,
}

/// Where to: a position, or a step from where it is.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Command {
    /// A position.
    To(Angles),
    /// A step.
    By(Angles),
    /// Straight ahead.
    Home,
}

/// Arc seconds; what is left out is 0.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub struct Angles {
    pan: i32,
    tilt: i32,
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

/// `GET`: where it points.
pub async fn position(app: Data<App>) -> Json<Pointing> {
    Json(app.cells.camera.drive.position().into())
}

/// `POST {"to": {"pan": …, "tilt": …}}`, `{"by": …}` or `"home"`: turns it, and says where it points then.
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

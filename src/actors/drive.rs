//! `DriveActor`: pan and tilt (seed: drive section 18, camera controller 19).
//!
//! Owns nothing yet but the right to move the camera; where it stands is in the camera's cells. Restarts
//! and loses nothing. Today it moves the test pattern; the controls of a V4L2 device join it here.

use std::sync::Arc;

use actix::prelude::*;

use super::crash::crashes_on_demand;
use crate::camera::drive::Position;
use crate::cells::Cells;

/// Turn the camera; the answer is where it then points, within its limits.
#[derive(Message)]
#[rtype(result = "Position")]
pub enum Turn {
    /// To this position.
    To(Position),
    /// By this much.
    By(Position),
}

/// See the module.
pub struct DriveActor {
    cells: Arc<Cells>,
}

impl DriveActor {
    /// An actor for this server's camera.
    pub fn new(cells: Arc<Cells>) -> Self {
        Self { cells }
    }
}

impl Actor for DriveActor {
    type Context = Context<Self>;
}

impl Supervised for DriveActor {}

impl Handler<Turn> for DriveActor {
    type Result = MessageResult<Turn>;

    fn handle(&mut self, turn: Turn, _: &mut Self::Context) -> Self::Result {
        let drive = &self.cells.camera.drive;
        MessageResult(match turn {
            Turn::To(position) => drive.move_to(position),
            Turn::By(step) => drive.move_by(step),
        })
    }
}

crashes_on_demand!(DriveActor);

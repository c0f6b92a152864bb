//! DriveActor: pan and tilt (seed: drive section 18, camera controller 19).
//!
//! Owns nothing yet but the right to move the camera; where it stands is in the camera's cells. Restarts
//! and loses nothing. Today it moves the test pattern; the controls of a V4L2 device join it here.

use std::sync::Arc;

use actix::prelude::*;

use super::crash::crashes_on_demand;
use crate::camera::{Motion, Position};
use crate::cells::Cells;

/// Turn the camera; the answer is where it then stands.
#[derive(Message)]
#[rtype(result = "Position")]
pub struct Turn(pub Motion);

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

    fn handle(&mut self, Turn(motion): Turn, _: &mut Self::Context) -> Self::Result {
        let position = self.cells.camera.position.borrow().moved(motion);
        self.cells.camera.position.send_replace(position);
        MessageResult(position)
    }
}

crashes_on_demand!(DriveActor);

//! `DriveActor`: keeps the thread running that turns and sets the camera (seed: drive section 18, camera controller 19).
//!
//! Owns the thread that works off the questions of the [`desk`](porthole_camera::desk). Restarts by starting it again if
//! it has ended. Loses the question in hand, whose asker is told; where the camera points is in the camera.

use std::sync::Arc;

use super::thread::{ThreadActor, Work};
use crate::shared::Cells;
use porthole_camera::attendant::{Attendant, Memory};
use porthole_camera::control::Change;
use porthole_durable::Kept;
use porthole_supervise::Vitals;

/// See the module.
pub type DriveActor = ThreadActor<Attending>;

/// From the desk to the device.
pub struct Attending;

impl Work for Attending {
    fn run(cells: &Arc<Cells>, vitals: &Vitals) {
        let camera = &cells.camera;
        let mut attendant = Attendant {
            panels: Box::new(camera.place.clone()),
            drive: cells.settings.drive.source,
            rig: camera.rig.clone(),
            memory: Box::new(Chosen(Arc::clone(cells))),
            offered: camera.offered.clone(),
            settled: None,
        };
        attendant.run(&camera.desk, &|| vitals.go_on());
    }
}

/// What people chose, in the cells and in the state file.
struct Chosen(Arc<Cells>);

impl Memory for Chosen {
    fn of(&self, camera: &str) -> Vec<Change> {
        self.0.camera.chosen.borrow().controls.of(camera)
    }

    fn remember(&self, camera: &str, set: &[Change]) -> Kept {
        self.0
            .choose(|chosen| chosen.controls.remember(camera, set))
    }
}

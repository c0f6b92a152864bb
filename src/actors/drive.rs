//! `DriveActor`: keeps the thread running that turns and sets the camera (seed: drive section 18,
//! camera controller 19).
//!
//! Owns the thread that works off the questions of the
//! [`control_queue`](porthole_camera::control_queue). Restarts by starting it again if
//! it has ended. Loses the question in hand, whose asker is told; where the camera points is in the
//! camera.

use std::sync::Arc;

use super::thread::{ThreadActor, Work};
use crate::shared::SharedState;
use porthole_camera::control::Change;
use porthole_camera::control_worker::{ControlWorker, Memory};
use porthole_durable::PendingWrite;
use porthole_supervise::Vitals;

/// See the module.
pub type DriveActor = ThreadActor<Attending>;

/// From the desk to the device.
pub struct Attending;

impl Work for Attending {
    fn run(shared: &Arc<SharedState>, vitals: &Vitals) {
        let camera = &shared.camera;
        let mut worker = ControlWorker {
            devices: Box::new(camera.source.clone()),
            drive: shared.settings.drive.source,
            test_pattern: camera.test_pattern.clone(),
            memory: Box::new(UserOverrides(Arc::clone(shared))),
            offered: camera.offered.clone(),
            settled: None,
        };
        worker.run(&camera.control_queue, &|| vitals.go_on());
    }
}

/// What people chose, in the cells and in the state file.
struct UserOverrides(Arc<SharedState>);

impl Memory for UserOverrides {
    fn of(&self, camera: &str) -> Vec<Change> {
        self.0.camera.overrides.borrow().controls.of(camera)
    }

    fn remember(&self, camera: &str, set: &[Change]) -> PendingWrite {
        self.0
            .choose(|chosen| chosen.controls.remember(camera, set))
    }
}

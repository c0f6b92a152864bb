//! `DriveActor`: keeps the thread running that turns and sets the camera (seed: drive section 18,
//! camera controller 19).
//!
//! Owns the thread that runs the jobs of the [`control_queue`](porthole_camera::control_queue).
//! Restarts by starting it again if it has ended. Loses the job being run, whose caller gets an
//! error; where the camera points is kept by the camera.

use std::sync::Arc;

use tokio::sync::watch;

use super::thread::{ThreadActor, Work};
use crate::shared::SharedState;
use porthole_camera::control::ControlChange;
use porthole_camera::control_worker::{ControlWorker, OfferedModes, OverrideStore};
use porthole_durable::PendingWrite;
use porthole_supervise::ThreadContext;

/// Keeps the thread running that turns and sets the camera; see the [module](self).
pub type DriveActor = ThreadActor<DriveWork>;

/// Runs the jobs of the control queue on the device.
#[derive(Clone)]
pub struct DriveWork {
    /// Where it says what the camera offers.
    pub offered: watch::Sender<OfferedModes>,
}

impl Work for DriveWork {
    fn run(&self, shared: &Arc<SharedState>, thread: &ThreadContext) {
        let camera = &shared.camera;
        let mut worker = ControlWorker {
            devices: Box::new(camera.source.clone()),
            drive: shared.settings.drive.source,
            test_pattern: camera.test_pattern.clone(),
            overrides: Box::new(StoredOverrides(Arc::clone(shared))),
            offered: self.offered.clone(),
            restored: None,
        };
        worker.run(&camera.control_queue, &|| thread.should_continue());
    }
}

/// The users' overrides, in the shared state and in the state file.
struct StoredOverrides(Arc<SharedState>);

impl OverrideStore for StoredOverrides {
    fn load(&self, camera: &str) -> Vec<ControlChange> {
        self.0.camera.overrides().controls.of(camera)
    }

    fn save(&self, camera: &str, set: &[ControlChange]) -> PendingWrite {
        self.0
            .choose(|chosen| chosen.controls.remember(camera, set))
    }
}

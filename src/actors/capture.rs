//! `CaptureActor`: keeps the capture thread running.
//!
//! Owns the thread that opens the device and reads frames from it. Restarts by starting a new
//! thread if the old one has ended, once it has let go of the device. Loses the frame being
//! read; viewers stay connected and keep the last picture until the next one comes.

use std::sync::Arc;

use tokio::sync::watch;

use super::thread::{ThreadActor, Work};
use crate::shared::SharedState;
use porthole_camera::capture::CaptureLoop;
use porthole_camera::observe::CameraHealth;
use porthole_supervise::ThreadContext;

/// Keeps the capture thread running; see the [module](self).
pub type CaptureActor = ThreadActor<CaptureWork>;

/// Moves frames from the device into the frame slot.
#[derive(Clone)]
pub struct CaptureWork {
    /// Where it says what the camera is doing.
    pub health: watch::Sender<CameraHealth>,
}

impl Work for CaptureWork {
    fn run(&self, shared: &Arc<SharedState>, thread: &ThreadContext) {
        let camera = &shared.camera;
        let control_queue = Arc::clone(&camera.control_queue);
        let mut capture = CaptureLoop {
            name: shared.name.watch(),
            opener: Box::new(camera.source.clone()),
            viewer_count: Arc::clone(&camera.viewer_count),
            frames: Arc::clone(&camera.frames),
            pictures: Arc::clone(&camera.pictures),
            health: self.health.clone(),
            settings: camera.settings(),
            on_open: Box::new(move || control_queue.camera_opened()),
            observer: Arc::new(shared.metrics.camera()),
            last_size: None,
        };
        capture.run(&|| thread.should_continue());
    }
}

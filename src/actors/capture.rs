//! `CaptureActor`: keeps the capture thread running.
//!
//! Owns the thread that opens the device and reads frames from it. Restarts by starting a new
//! thread if the old one has ended, once it has let go of the device. Loses the frame in hand;
//! viewers keep their seats and the last picture until the next one comes.

use std::sync::Arc;

use super::thread::{ThreadActor, Work};
use crate::shared::SharedState;
use porthole_camera::capture::Capture;
use porthole_supervise::ThreadContext;

/// See the module.
pub type CaptureActor = ThreadActor<Capturing>;

/// From the device into the raw slot.
pub struct Capturing;

impl Work for Capturing {
    fn run(shared: &Arc<SharedState>, thread: &ThreadContext) {
        let camera = &shared.camera;
        let mut capture = Capture {
            name: shared.name.watch(),
            opener: Box::new(camera.source.clone()),
            audience: Arc::clone(&camera.audience),
            raw: Arc::clone(&camera.raw),
            pictures: Arc::clone(&camera.pictures),
            health: camera.health.clone(),
            settings: camera.settings.subscribe(),
            control_queue: Arc::clone(&camera.control_queue),
            observer: Arc::new(shared.metrics.camera()),
            last_size: None,
        };
        capture.run(&|| thread.should_continue());
    }
}

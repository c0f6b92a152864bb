//! `EncoderActor`: keeps the encoder thread running.
//!
//! Owns the thread that turns the newest frame into a picture. Restarts by starting it again if it
//! has ended. Loses the frame being encoded; the viewers see the next one.

use std::sync::Arc;

use super::thread::{ThreadActor, Work};
use crate::shared::SharedState;
use porthole_camera::encode::EncodeLoop;
use porthole_supervise::ThreadContext;

/// Keeps the encoder thread running; see the [module](self).
pub type EncoderActor = ThreadActor<EncoderWork>;

/// Turns the newest frame into a JPEG in the picture slot.
#[derive(Clone)]
pub struct EncoderWork;

impl Work for EncoderWork {
    fn run(&self, shared: &Arc<SharedState>, thread: &ThreadContext) {
        let encoder = EncodeLoop {
            frames: Arc::clone(&shared.camera.frames),
            pictures: Arc::clone(&shared.camera.pictures),
            settings: shared.camera.settings(),
            observer: Arc::new(shared.metrics.camera()),
        };
        encoder.run(&|| thread.should_continue());
    }
}

//! `EncoderActor`: keeps the encoder thread running.
//!
//! Owns the thread that turns the newest frame into a picture. Restarts by starting it again if it
//! has ended. Loses the frame in hand; the viewers see the next one.

use std::sync::Arc;

use super::thread::{ThreadActor, Work};
use crate::shared::SharedState;
use porthole_camera::encode::Encoding;
use porthole_supervise::ThreadContext;

/// See the module.
pub type EncoderActor = ThreadActor<EncodingWork>;

/// From the raw slot into the picture slot.
pub struct EncodingWork;

impl Work for EncodingWork {
    fn run(shared: &Arc<SharedState>, thread: &ThreadContext) {
        let encoding = Encoding {
            raw: Arc::clone(&shared.camera.raw),
            pictures: Arc::clone(&shared.camera.pictures),
            settings: shared.camera.settings.subscribe(),
            observer: Arc::new(shared.metrics.camera()),
        };
        encoding.run(&|| thread.should_continue());
    }
}

//! `EncoderActor`: keeps the encoder thread running.
//!
//! Owns the thread that turns the newest frame into a picture. Restarts by starting it again if it
//! has ended. Loses the frame in hand; the viewers see the next one.

use std::sync::Arc;

use super::thread::{ThreadActor, Work};
use crate::shared::Cells;
use porthole_camera::encode::Encoding;
use porthole_supervise::Vitals;

/// See the module.
pub type EncoderActor = ThreadActor<EncodingWork>;

/// From the raw slot into the picture slot.
pub struct EncodingWork;

impl Work for EncodingWork {
    fn run(cells: &Arc<Cells>, vitals: &Vitals) {
        let encoding = Encoding {
            raw: Arc::clone(&cells.camera.raw),
            pictures: Arc::clone(&cells.camera.pictures),
            settings: cells.camera.settings.subscribe(),
            observer: Arc::new(cells.metrics.camera()),
        };
        encoding.run(&|| vitals.go_on());
    }
}

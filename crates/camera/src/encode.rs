//! The encoder loop: newest raw frame in, JPEG out to everybody the moment it is done.
//!
//! More than one thread may run it over the same slots: pictures that finish out of order are
//! dropped.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::watch;

use super::capture::POLL;
use super::format::PixelFormat;
use super::frame::{PictureKind, RawFrame};
use super::jpeg::{EncodeError, Encoder, Quality};
use super::mjpeg::{self, Fault};
use super::observe::{CameraObserver, Discard};
use super::settings::CameraSettings;
use super::slot::{Picture, PictureSlot, Published, RawSlot};

/// All that the encoder loop works with.
pub struct Encoding {
    /// Where frames come from.
    pub raw: Arc<RawSlot>,
    /// Where pictures go.
    pub pictures: Arc<PictureSlot>,
    /// Quality.
    pub settings: watch::Receiver<CameraSettings>,
    /// Counts.
    pub observer: Arc<dyn CameraObserver>,
}

impl Encoding {
    /// Runs until `keep_going` says no; it is asked at least every 250 ms. Blocks; meant for a
    /// thread of its own, and may be called again after a panic.
    pub fn run(&self, keep_going: &dyn Fn() -> bool) {
        let mut encoder = Encoder::new();
        let mut last_error = None;
        while keep_going() {
            let Some((session, frame)) = self.raw.take(POLL) else {
                continue;
            };
            let began = Instant::now();
            let quality = self.settings.borrow().quality;
            match picture(&mut encoder, &frame, quality) {
                Ok(picture) => {
                    self.observer.encoded(began.elapsed(), picture.bytes.len());
                    match self.pictures.publish(session, picture) {
                        Published::Shown => self.observer.shown(frame.captured.elapsed()),
                        Published::TooLate => self.observer.discarded(Discard::TooLate),
                    }
                    last_error = None;
                }
                Err((why, error)) => {
                    self.observer.discarded(why);
                    // The same words 30 times a second help nobody.
                    if last_error.as_ref() != Some(&error) {
                        tracing::warn!(%error, reason = why.word(), "a frame cannot be shown");
                        last_error = Some(error);
                    }
                }
            }
        }
    }
}

fn picture(
    encoder: &mut Encoder,
    frame: &RawFrame,
    quality: Quality,
) -> Result<Picture, (Discard, String)> {
    let (bytes, width, height) = if frame.format.pixel == PixelFormat::Mjpeg {
        pass_through(&frame.data).map_err(|fault| {
            let why = match fault {
                Fault::Truncated => Discard::Truncated,
                Fault::NotJpeg => Discard::Malformed,
            };
            (why, fault.to_string())
        })?
    } else {
        let bytes = encoder.encode(frame, quality).map_err(|error| {
            let why = match error {
                EncodeError::Short { .. } | EncodeError::Unsound { .. } => Discard::Malformed,
                EncodeError::Compressed | EncodeError::Library(_) => Discard::Unencodable,
            };
            (why, error.to_string())
        })?;
        (bytes, frame.format.width, frame.format.height)
    };
    Ok(Picture {
        bytes,
        width,
        height,
        captured_at: frame.captured_at,
        captured: frame.captured,
        kind: PictureKind::Live,
    })
}

fn pass_through(frame: &Bytes) -> Result<(Bytes, u32, u32), Fault> {
    let layout = mjpeg::inspect(frame)?;
    Ok((mjpeg::complete(frame, &layout), layout.width, layout.height))
}

//! The encoder loop: newest raw frame in, JPEG out to everybody the moment it is done.
//!
//! More than one thread may run it over the same slots: pictures that finish out of order are
//! dropped.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::watch;

use super::format::PixelFormat;
use super::frame::{PictureKind, RawFrame};
use super::jpeg::{EncodeError, Encoder, Quality};
use super::mjpeg::{self, MjpegError};
use super::observe::{CameraObserver, Discard};
use super::poll::POLL_INTERVAL;
use super::settings::CameraSettings;
use super::slot::{FrameSlot, NewPicture, PictureSlot, Published};

/// The encoder loop with all that it works with; [`EncodeLoop::run`] runs it.
pub struct EncodeLoop {
    /// Where frames come from.
    pub frames: Arc<FrameSlot>,
    /// Where pictures go.
    pub pictures: Arc<PictureSlot>,
    /// The quality; a change is followed at once.
    pub settings: watch::Receiver<CameraSettings>,
    /// Counts pictures, for the metrics.
    pub observer: Arc<dyn CameraObserver>,
}

impl EncodeLoop {
    /// Runs until `keep_going` says no; it is asked at least every 250 ms. Blocks; meant for a
    /// thread of its own, and may be called again after a panic.
    pub fn run(&self, keep_going: &dyn Fn() -> bool) {
        let mut encoder = Encoder::new();
        let mut last_error = None;
        while keep_going() {
            let Some((session, frame)) = self.frames.take(POLL_INTERVAL) else {
                continue;
            };
            let began = Instant::now();
            let quality = self.settings.borrow().quality;
            match encode(&mut encoder, &frame, quality) {
                Ok(picture) => {
                    self.observer.encoded(began.elapsed(), picture.bytes.len());
                    match self.pictures.publish(session, picture) {
                        Published::Shown => self.observer.shown(frame.captured.elapsed()),
                        Published::TooLate => self.observer.discarded(Discard::TooLate),
                    }
                    last_error = None;
                }
                Err((reason, error)) => {
                    self.observer.discarded(reason);
                    // Logged once, not 30 times a second.
                    if last_error.as_ref() != Some(&error) {
                        tracing::warn!(%error, reason = reason.word(), "a frame cannot be shown");
                        last_error = Some(error);
                    }
                }
            }
        }
    }
}

fn encode(
    encoder: &mut Encoder,
    frame: &RawFrame,
    quality: Quality,
) -> Result<NewPicture, (Discard, String)> {
    let (bytes, width, height) = if frame.format.pixel == PixelFormat::Mjpeg {
        pass_through(&frame.data).map_err(|error| {
            let reason = match error {
                MjpegError::Truncated => Discard::Truncated,
                MjpegError::NotJpeg => Discard::Malformed,
            };
            (reason, error.to_string())
        })?
    } else {
        let bytes = encoder.encode(frame, quality).map_err(|error| {
            let reason = match error {
                EncodeError::Short { .. } | EncodeError::Unsound { .. } => Discard::Malformed,
                EncodeError::Compressed | EncodeError::Library(_) => Discard::Unencodable,
            };
            (reason, error.to_string())
        })?;
        (bytes, frame.format.width, frame.format.height)
    };
    Ok(NewPicture {
        bytes,
        width,
        height,
        captured_at: frame.captured_at,
        captured: frame.captured,
        kind: PictureKind::Live,
    })
}

fn pass_through(frame: &Bytes) -> Result<(Bytes, u32, u32), MjpegError> {
    let layout = mjpeg::inspect(frame)?;
    Ok((mjpeg::complete(frame, &layout), layout.width, layout.height))
}

//! What the camera's loops report of their work: counters for the metrics, health for the pages.

use std::time::Duration;

/// Why a captured frame was not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discard {
    /// A newer frame came before an encoder was free.
    Overwritten,
    /// An MJPEG frame stops before its end.
    Truncated,
    /// An MJPEG frame is no JPEG at all, or a raw one is shorter than its format.
    Malformed,
    /// The encoder refused it.
    Unencodable,
    /// Its encode ended after that of a later frame, or after the camera was closed.
    TooLate,
}

impl Discard {
    /// All reasons, so that each counter exists from the start.
    pub const ALL: [Self; 5] = [
        Self::Overwritten,
        Self::Truncated,
        Self::Malformed,
        Self::Unencodable,
        Self::TooLate,
    ];

    /// The value of the metric's `reason` label.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Overwritten => "overwritten",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Unencodable => "unencodable",
            Self::TooLate => "too_late",
        }
    }
}

/// Whether the source is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceStatus {
    /// Open: frames come, or are about to.
    Up,
    /// Closed for want of viewers, or failed.
    Down,
}

/// Counts what the capture and encoder loops do. Called from their threads, several times a frame:
/// it must be quick.
pub trait CameraObserver: Send + Sync {
    /// A frame came from the source.
    fn captured(&self);
    /// A captured frame will not be shown.
    fn discarded(&self, reason: Discard);
    /// The device was opened or closed.
    fn device(&self, status: DeviceStatus);
    /// A frame was encoded (or, MJPEG, completed) in `took`, into `bytes` bytes.
    fn encoded(&self, took: Duration, bytes: usize);
    /// A live picture was shown, `since_capture` after it was captured.
    fn shown(&self, since_capture: Duration);
}

/// Takes note of nothing.
impl CameraObserver for () {
    fn captured(&self) {}
    fn discarded(&self, _: Discard) {}
    fn device(&self, _: DeviceStatus) {}
    fn encoded(&self, _: Duration, _: usize) {}
    fn shown(&self, _: Duration) {}
}

/// What the camera is doing, in words for the status page and the API.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraHealth {
    /// Closed: nobody watches.
    Idle,
    /// Being opened, or open and yet to send its first frame.
    Starting,
    /// Open, and frames come from it.
    Live {
        /// Width in pixels.
        width: u32,
        /// Height in pixels (lines).
        height: u32,
        /// Frames per second over the last second or so; 0 before the first second is over.
        fps: f32,
        /// What the pictures come from, of [`super::source::Source::describe`].
        description: String,
    },
    /// No picture; a placeholder is shown, and the source is tried again.
    Failed {
        /// The words on the placeholder.
        reason: String,
    },
}

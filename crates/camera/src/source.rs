//! Where frames come from: the trait that V4L2 and the test pattern implement, and the ways it
//! fails.

use std::io;
use std::time::Duration;

use super::format::FrameFormat;
use super::frame::RawFrame;

/// The size and rate that the settings ask for. A source takes the nearest that it can deliver;
/// [`Source::format`] is what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedMode {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels (lines).
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
}

/// An open source of frames. It blocks, so it lives on the capture thread; dropping it releases the
/// device.
pub trait Source: Send {
    /// What its frames look like. Fixed while it is open.
    fn format(&self) -> FrameFormat;

    /// One line for people: device, name, format and rate, or "test pattern".
    fn describe(&self) -> String;

    /// Waits for the next frame, at most `timeout`; `None` when none came in time.
    ///
    /// # Errors
    /// [`SourceError`]; the source is then dropped, and opened again after a back-off.
    fn next_frame(&mut self, timeout: Duration) -> Result<Option<RawFrame>, SourceError>;
}

/// Opens the source, again and again: when the first viewer comes, and after each failure.
pub trait SourceOpener: Send {
    /// Opens the source with what comes nearest to `wanted`.
    ///
    /// # Errors
    /// [`SourceError`], whose words go onto the placeholder picture.
    fn open(&self, wanted: &RequestedMode) -> Result<Box<dyn Source>, SourceError>;
}

/// Why there is no picture; its text is drawn on the placeholder.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The device is not there, or was unplugged.
    #[error("the camera is not connected")]
    Gone,
    /// Another program holds the device.
    #[error("another program is using the camera")]
    Busy,
    /// The device is open and answers, but no frame comes.
    #[error("the camera has sent no picture for {} s", after.as_secs())]
    Silent {
        /// Time since the last frame.
        after: Duration,
    },
    /// It works, but not in a way this program can use.
    #[error("the camera cannot be used: {what}")]
    Unsupported {
        /// What is missing, e.g. "it offers only H264".
        what: String,
    },
    /// It contradicts itself, e.g. with frames of a wrong size.
    #[error("the camera misbehaves: {what}")]
    Broken {
        /// What is wrong.
        what: String,
    },
    /// The system refused a call.
    #[error("the camera failed while {what}: {source}")]
    Io {
        /// What was being done, e.g. "starting the stream".
        what: String,
        /// The system's error.
        source: io::Error,
    },
}

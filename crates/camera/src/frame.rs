//! What travels from source to viewer: a raw frame, then a JPEG. Both share their bytes when
//! cloned.

use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::format::FrameFormat;

/// One frame as the source gave it.
#[derive(Clone, Debug)]
pub struct RawFrame {
    /// How `data` is to be read.
    pub format: FrameFormat,
    /// The frame's bytes, shared and not copied by a clone.
    pub data: Bytes,
    /// When it was captured, for people (`X-Timestamp`).
    pub captured_at: SystemTime,
    /// The same moment on the monotonic clock, for latency.
    pub captured: Instant,
    /// The source's own count; a gap is a frame that the device lost.
    pub sequence: u64,
}

/// Whether a picture shows what the camera sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PictureKind {
    /// From the source.
    Live,
    /// Drawn by the program, to say why there is no picture.
    Placeholder,
}

impl PictureKind {
    /// Its name in headers and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Placeholder => "placeholder",
        }
    }
}

/// One encoded picture, shared by all viewers.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The whole file, from start-of-image to end-of-image.
    pub bytes: Bytes,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels (lines).
    pub height: u32,
    /// When the frame was captured, or the placeholder drawn.
    pub captured_at: SystemTime,
    /// The same moment on the monotonic clock.
    pub captured: Instant,
    /// Counts published pictures from 1, over all sources that came and went; given by the
    /// picture slot, so that a viewer can tell how many it missed.
    pub sequence: u64,
    /// Live or drawn.
    pub kind: PictureKind,
}

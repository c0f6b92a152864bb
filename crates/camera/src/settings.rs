//! What can be changed while the camera runs.

use std::time::Duration;

use super::jpeg::Quality;
use super::source::RequestedMode;

/// Settings that the camera's loops follow through a watch channel; no restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CameraSettings {
    /// Size and rate asked of the source. A change opens it again.
    pub requested: RequestedMode,
    /// Quality of encoded pictures. MJPEG that is passed through keeps its own.
    pub quality: Quality,
    /// How long the device stays open after the last viewer has left.
    pub idle_close: Duration,
}

//! What the settings say about the camera: where its pictures come from, what they should be like,
//! what moves it.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use porthole_types::choice;

/// `[camera]`: the picture.
#[derive(Clone, Debug)]
pub struct CameraConfig {
    /// Where it comes from.
    pub source: CameraSource,
    /// Pixels, 16 to 8192.
    pub width: u32,
    /// Pixels, 16 to 8192.
    pub height: u32,
    /// Frames a second, 1 to 240.
    pub fps: u32,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// How long after the last viewer the device is closed, up to a day.
    pub idle_close: Duration,
}

/// Pixels of a picture's side.
pub const SIDE: RangeInclusive<u32> = 16..=8192;
/// Frames per second.
pub const FPS: RangeInclusive<u32> = 1..=240;
/// JPEG quality, from the smallest files to the best pictures.
pub const QUALITY: RangeInclusive<u8> = 1..=100;

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraSource {
    /// The first V4L2 capture device, or the test pattern when there is none.
    Auto,
    /// The moving test pattern.
    Test,
    /// This V4L2 device.
    V4l(PathBuf),
}

choice!(
    /// What moves the camera.
    DriveSource {
        /// The device's own pan and tilt if it has any; simulated on the test pattern.
        Auto = "auto",
        /// Nothing moves, whatever the device can do.
        None = "none",
        /// The picture is shifted in software.
        Simulated = "simulated",
        /// The V4L2 controls of the device.
        V4l = "v4l",
    }
);

//! Cameras of the Linux kernel (V4L2, `/dev/video*`), through the `v4l` crate.
//!
//! `open` opens one; `choose` and `clock` are pure: which format, size and rate, and when a frame
//! was taken. `capabilities` asks an open device what it is and what it offers, `probe` lists the
//! devices, `modes` the sizes and rates of one; `stream` reads frames; `controls` are the device's
//! own (by way of `ioctl`). `call` wraps every call of the crate, because that panics on answers
//! that it does not know. A camera that breaks, hangs or leaves is an error, never a panic.

mod call;
mod capabilities;
mod choose;
mod clock;
mod controls;
mod ioctl;
mod modes;
mod open;
mod probe;
mod stream;

use std::path::PathBuf;

use super::control_device::{ControlDevice, ControlDeviceOpener};
use super::source::{RequestedMode, Source, SourceError, SourceOpener};
use controls::V4l2ControlDevice;
use open::open;
pub use probe::{Usability, VideoDevice, devices, first_camera};

/// Opens a V4L2 camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V4l2Opener {
    selection: Selection,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Selection {
    At(PathBuf),
    First,
}

impl V4l2Opener {
    /// The camera at this path, e.g. `/dev/video0` or a link in `/dev/v4l/by-id`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            selection: Selection::At(path.into()),
        }
    }

    /// The camera that is the first when it is opened: one that is plugged in again may come back
    /// under another number.
    pub const fn first() -> Self {
        Self {
            selection: Selection::First,
        }
    }
}

impl V4l2Opener {
    fn path(&self) -> Result<PathBuf, SourceError> {
        match &self.selection {
            Selection::At(path) => Ok(path.clone()),
            Selection::First => {
                let listed = devices();
                let camera = first_camera(&listed).ok_or(SourceError::Gone)?;
                Ok(camera.path.clone())
            }
        }
    }
}

impl SourceOpener for V4l2Opener {
    fn open(&self, wanted: &RequestedMode) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(open(&self.path()?, wanted)?))
    }
}

impl ControlDeviceOpener for V4l2Opener {
    fn open_control_device(&self) -> Result<Box<dyn ControlDevice>, SourceError> {
        Ok(Box::new(V4l2ControlDevice::open(&self.path()?)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: RequestedMode = RequestedMode {
        width: 640,
        height: 480,
        fps: 30,
    };

    fn error_of(path: &str) -> SourceError {
        match V4l2Opener::at(path).open(&ANY) {
            Ok(source) => panic!("{path} opened as {}", source.describe()),
            Err(error) => error,
        }
    }

    #[test]
    fn a_path_without_a_device_is_a_camera_that_is_not_connected() {
        assert!(matches!(error_of("/dev/no-such-video"), SourceError::Gone));
    }

    #[test]
    fn a_device_that_is_no_camera_is_refused_in_words() {
        let error = error_of("/dev/null").to_string();
        assert_eq!(error, "the camera cannot be used: it is not a video device");
    }

    #[test]
    fn a_path_that_no_system_call_takes_is_an_error_and_no_panic() {
        assert!(matches!(
            error_of("/dev/vid\0eo"),
            SourceError::Broken { .. }
        ));
    }
}

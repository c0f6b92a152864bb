//! Chooses the source that the settings name; with `source = "auto"` the first camera that there
//! is, or the test pattern where there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::control_device::{ControlDevice, ControlDeviceOpener};
use super::source::{RequestedMode, Source, SourceError, SourceOpener};
use super::test_pattern::{TestPatternDevice, TestPatternOpener};
use super::v4l2::{V4l2Opener, devices, first_camera};
use crate::config::CameraSource;

/// Opens the camera that the settings name, for its pictures and for its controls. Clones share
/// what they have seen.
#[derive(Clone)]
pub struct SourceSelector {
    source: CameraSource,
    pattern: TestPatternOpener,
    /// `auto` looks anew each time it opens: a camera may be plugged in after the
    /// program has started. Once there was one, its absence is a failure to be shown, not a
    /// reason for a test pattern.
    had_a_camera: Arc<AtomicBool>,
}

/// What is to be opened now.
enum Selected {
    Camera(V4l2Opener),
    Pattern,
}

impl SourceSelector {
    /// `name` and `test_pattern` are for the test pattern: what is drawn into it, and its controls.
    pub fn new(
        source: &CameraSource,
        name: watch::Receiver<String>,
        test_pattern: TestPatternDevice,
    ) -> Self {
        Self {
            source: source.clone(),
            pattern: TestPatternOpener { name, test_pattern },
            had_a_camera: Arc::default(),
        }
    }

    fn select(&self) -> Selected {
        match &self.source {
            CameraSource::Test => Selected::Pattern,
            CameraSource::V4l(path) => Selected::Camera(V4l2Opener::at(path)),
            CameraSource::Auto => {
                if first_camera(&devices()).is_some() {
                    self.had_a_camera.store(true, Ordering::Relaxed);
                }
                if self.had_a_camera.load(Ordering::Relaxed) {
                    Selected::Camera(V4l2Opener::first())
                } else {
                    Selected::Pattern
                }
            }
        }
    }
}

impl SourceOpener for SourceSelector {
    fn open(&self, wanted: &RequestedMode) -> Result<Box<dyn Source>, SourceError> {
        match self.select() {
            Selected::Camera(camera) => camera.open(wanted),
            Selected::Pattern => self.pattern.open(wanted),
        }
    }
}

impl ControlDeviceOpener for SourceSelector {
    fn open_control_device(&self) -> Result<Box<dyn ControlDevice>, SourceError> {
        match self.select() {
            Selected::Camera(camera) => camera.open_control_device(),
            Selected::Pattern => self.pattern.test_pattern.open_control_device(),
        }
    }
}

//! `source = "source_selector"`: the first camera that there is, or the test pattern where there is
//! none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::control_device::{ControlDevice, ControlDeviceOpener};
use super::source::{RequestedMode, Source, SourceError, SourceOpener};
use super::test_pattern::{TestPatternDevice, TestPatternOpener};
use super::v4l2::{V4l2Opener, devices, first_camera};
use crate::config::CameraSource;

/// Where pictures and controls come from, as the settings say. Clones are the same place.
#[derive(Clone)]
pub struct SourceSelector {
    source: CameraSource,
    pattern: TestPatternOpener,
    /// `source_selector` looks anew each time it opens: a camera may be plugged in after the
    /// program has started. Once there was one, its absence is a failure to be shown, not a
    /// reason for a test pattern.
    had_a_camera: Arc<AtomicBool>,
}

/// What is there now.
enum Found {
    Camera(V4l2Opener),
    Pattern,
}

impl SourceSelector {
    /// The place that the settings ask for; `name` and `test_pattern` are the test pattern's.
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

    fn look(&self) -> Found {
        match &self.source {
            CameraSource::Test => Found::Pattern,
            CameraSource::V4l(path) => Found::Camera(V4l2Opener::at(path)),
            CameraSource::Auto => {
                if first_camera(&devices()).is_some() {
                    self.had_a_camera.store(true, Ordering::Relaxed);
                }
                if self.had_a_camera.load(Ordering::Relaxed) {
                    Found::Camera(V4l2Opener::first())
                } else {
                    Found::Pattern
                }
            }
        }
    }
}

impl SourceOpener for SourceSelector {
    fn open(&self, wanted: &RequestedMode) -> Result<Box<dyn Source>, SourceError> {
        match self.look() {
            Found::Camera(camera) => camera.open(wanted),
            Found::Pattern => self.pattern.open(wanted),
        }
    }
}

impl ControlDeviceOpener for SourceSelector {
    fn open_control_device(&self) -> Result<Box<dyn ControlDevice>, SourceError> {
        match self.look() {
            Found::Camera(camera) => camera.open_control_device(),
            Found::Pattern => self.pattern.test_pattern.open_control_device(),
        }
    }
}

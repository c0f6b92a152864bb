//! `source = "auto"`: the first camera that there is, or the test pattern where there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::knobs::PatternRig;
use super::panel::{Panel, PanelOpener};
use super::pattern::PatternOpener;
use super::source::{Opener, Source, SourceError, Wanted};
use super::v4l2::{V4l2Opener, devices, first_camera};
use crate::config::CameraSource;

/// Where pictures and controls come from, as the settings say. Clones are the same place.
#[derive(Clone)]
pub struct Place {
    source: CameraSource,
    pattern: PatternOpener,
    /// `auto` looks anew each time it opens: a camera may be plugged in after the program has started. Once there was
    /// one, its absence is a failure to be shown, not a reason for a test pattern.
    had_a_camera: Arc<AtomicBool>,
}

/// What is there now.
enum Found {
    Camera(V4l2Opener),
    Pattern,
}

impl Place {
    /// The place that the settings ask for; `name` and `rig` are the test pattern's.
    pub fn new(source: &CameraSource, name: watch::Receiver<String>, rig: PatternRig) -> Self {
        Self {
            source: source.clone(),
            pattern: PatternOpener { name, rig },
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

impl Opener for Place {
    fn open(&self, wanted: &Wanted) -> Result<Box<dyn Source>, SourceError> {
        match self.look() {
            Found::Camera(camera) => camera.open(wanted),
            Found::Pattern => self.pattern.open(wanted),
        }
    }
}

impl PanelOpener for Place {
    fn panel(&self) -> Result<Box<dyn Panel>, SourceError> {
        match self.look() {
            Found::Camera(camera) => camera.panel(),
            Found::Pattern => self.pattern.rig.panel(),
        }
    }
}

//! `source = "auto"`: the first camera that there is, or the test pattern where there is none.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::drive::SimulatedDrive;
use super::pattern::PatternOpener;
use super::source::{Opener, Source, SourceError, Wanted};
use super::v4l2::{V4l2Opener, devices, first_camera};
use crate::settings::CameraSource;

/// The opener that the settings ask for.
pub fn opener(
    source: &CameraSource,
    name: watch::Receiver<String>,
    drive: SimulatedDrive,
) -> Box<dyn Opener> {
    let pattern = PatternOpener { name, drive };
    match source {
        CameraSource::Test => Box::new(pattern),
        CameraSource::V4l(path) => Box::new(V4l2Opener::at(path)),
        CameraSource::Auto => Box::new(Auto { pattern, had_a_camera: AtomicBool::new(false) }),
    }
}

/// Looks anew each time it opens: a camera may be plugged in after the program has started. Once there
/// was one, its absence is a failure to be shown, not a reason for a test pattern.
struct Auto {
    pattern: PatternOpener,
    had_a_camera: AtomicBool,
}

impl Opener for Auto {
    fn open(&self, wanted: &Wanted) -> Result<Box<dyn Source>, SourceError> {
        if first_camera(&devices()).is_some() {
            self.had_a_camera.store(true, Ordering::Relaxed);
        }
        if self.had_a_camera.load(Ordering::Relaxed) {
            V4l2Opener::first().open(wanted)
        } else {
            self.pattern.open(wanted)
        }
    }
}

//! From the device to the viewers: the slots and what is told about them.

use std::sync::Arc;

use tokio::sync::watch;

use crate::camera::drive::SimulatedDrive;
use crate::camera::jpeg::Quality;
use crate::camera::observe::CameraHealth;
use crate::camera::settings::CameraSettings;
use crate::camera::slot::{PictureSlot, RawSlot};
use crate::camera::source::Wanted;
use crate::camera::viewing::{Audience, MOST_VIEWERS, Viewing};
use crate::fleet::Activity;
use crate::settings::Camera;

/// The slots between capture, encoder and viewers. A crash of either actor leaves the last picture
/// in place, and the viewers in their seats.
pub struct CameraCells {
    /// Who watches.
    pub audience: Arc<Audience>,
    /// The newest frame.
    pub raw: Arc<RawSlot>,
    /// The newest picture.
    pub pictures: Arc<PictureSlot>,
    /// The viewers' way in.
    pub viewing: Viewing,
    /// What the camera is doing.
    pub health: watch::Sender<CameraHealth>,
    /// What is asked of it; followed without a restart.
    pub settings: watch::Sender<CameraSettings>,
    /// What turns the test pattern.
    pub drive: SimulatedDrive,
}

impl CameraCells {
    /// A camera that is closed, with the settings that it begins with.
    pub fn new(settings: &Camera) -> Self {
        let audience = Arc::new(Audience::new(MOST_VIEWERS));
        let pictures = Arc::new(PictureSlot::new());
        let begin = CameraSettings {
            wanted: Wanted {
                width: settings.width,
                height: settings.height,
                fps: settings.fps,
            },
            quality: Quality::new(settings.quality).unwrap_or(Quality::STREAM),
            idle_close: settings.idle_close,
        };
        Self {
            viewing: Viewing::new(Arc::clone(&audience), Arc::clone(&pictures)),
            audience,
            raw: Arc::new(RawSlot::new()),
            pictures,
            health: watch::Sender::new(CameraHealth::Idle),
            settings: watch::Sender::new(begin),
            drive: SimulatedDrive::new(),
        }
    }

    /// What it is doing, in the words of the fleet.
    pub fn activity(&self) -> Activity {
        match &*self.health.borrow() {
            CameraHealth::Idle => Activity::Idle,
            CameraHealth::Starting => Activity::Live("starting".to_owned()),
            CameraHealth::Failed { reason } => Activity::Failed(reason.clone()),
            CameraHealth::Live {
                width, height, fps, ..
            } => {
                let viewers = match self.viewing.viewers() {
                    0 => String::new(), // whoever reads this beside a picture would wonder
                    1 => ", 1 viewer".to_owned(),
                    many => format!(", {many} viewers"),
                };
                Activity::Live(format!("{width}×{height}, {fps:.0}/s{viewers}"))
            }
        }
    }
}

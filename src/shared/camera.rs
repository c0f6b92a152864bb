//! From the device to the viewers: the slots and what is told about them.

use std::sync::Arc;

use tokio::sync::watch;

use crate::fleet::Activity;
use porthole_camera::Place;
use porthole_camera::attendant::Offered;
use porthole_camera::chosen::Chosen;
use porthole_camera::config::CameraConfig;
use porthole_camera::desk::{Desk, PATIENCE};
use porthole_camera::knobs::PatternRig;
use porthole_camera::observe::CameraHealth;
use porthole_camera::settings::CameraSettings;
use porthole_camera::slot::{PictureSlot, RawSlot};
use porthole_camera::viewing::{Audience, MOST_VIEWERS, Viewing};

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
    /// What people chose over HTTP. Changed by [`super::Cells::choose`] alone.
    pub chosen: watch::Sender<Chosen>,
    /// What it offers.
    pub offered: watch::Sender<Offered>,
    /// Where questions to its controls wait.
    pub desk: Arc<Desk>,
    /// Where pictures and controls come from.
    pub place: Place,
    /// What turns and changes the test pattern.
    pub rig: PatternRig,
    configured: CameraConfig,
}

impl CameraCells {
    /// A camera that is closed, with the settings that it begins with and what people chose before.
    pub fn new(configured: &CameraConfig, chosen: Chosen, name: watch::Receiver<String>) -> Self {
        let audience = Arc::new(Audience::new(MOST_VIEWERS));
        let pictures = Arc::new(PictureSlot::new());
        let rig = PatternRig::default();
        Self {
            viewing: Viewing::new(Arc::clone(&audience), Arc::clone(&pictures)),
            audience,
            raw: Arc::new(RawSlot::new()),
            pictures,
            health: watch::Sender::new(CameraHealth::Idle),
            settings: watch::Sender::new(chosen.picture.over(configured)),
            chosen: watch::Sender::new(chosen),
            offered: watch::Sender::new(None),
            desk: Arc::new(Desk::new(PATIENCE)),
            place: Place::new(&configured.source, name, rig.clone()),
            rig,
            configured: configured.clone(),
        }
    }

    /// Changes what people chose, and what is therefore asked of the camera, in one step.
    pub(super) fn choose(&self, change: impl FnOnce(&mut Chosen)) {
        self.chosen.send_modify(|chosen| {
            change(chosen);
            // Under the lock: of two changes at once, the later one's settings stay.
            let settings = chosen.picture.over(&self.configured);
            self.settings
                .send_if_modified(|now| std::mem::replace(now, settings) != settings);
        });
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

//! From the device to the viewers: the slots and what is told about them.

use std::sync::Arc;

use tokio::sync::watch;

use crate::fleet::Activity;
use porthole_camera::SourceSelector;
use porthole_camera::config::CameraConfig;
use porthole_camera::control_queue::{ControlQueue, PATIENCE};
use porthole_camera::control_worker::Offered;
use porthole_camera::observe::CameraHealth;
use porthole_camera::settings::CameraSettings;
use porthole_camera::slot::{PictureSlot, RawSlot};
use porthole_camera::test_pattern_controls::TestPatternDevice;
use porthole_camera::user_overrides::UserOverrides;
use porthole_camera::viewing::{Audience, MOST_VIEWERS, Viewing};

/// The slots between capture, encoder and viewers. A crash of either actor leaves the last picture
/// in place, and the viewers in their seats.
pub struct CameraState {
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
    /// What people chose over HTTP. Changed by [`super::SharedState::choose`] alone.
    pub overrides: watch::Sender<UserOverrides>,
    /// What it offers.
    pub offered: watch::Sender<Offered>,
    /// Where questions to its controls wait.
    pub control_queue: Arc<ControlQueue>,
    /// Where pictures and controls come from.
    pub source: SourceSelector,
    /// What turns and changes the test pattern.
    pub test_pattern: TestPatternDevice,
    configured: CameraConfig,
}

impl CameraState {
    /// A camera that is closed, with the settings that it begins with and what people chose before.
    pub fn new(
        configured: &CameraConfig,
        overrides: UserOverrides,
        name: watch::Receiver<String>,
    ) -> Self {
        let audience = Arc::new(Audience::new(MOST_VIEWERS));
        let pictures = Arc::new(PictureSlot::new());
        let test_pattern = TestPatternDevice::default();
        Self {
            viewing: Viewing::new(Arc::clone(&audience), Arc::clone(&pictures)),
            audience,
            raw: Arc::new(RawSlot::new()),
            pictures,
            health: watch::Sender::new(CameraHealth::Idle),
            settings: watch::Sender::new(overrides.picture.over(configured)),
            overrides: watch::Sender::new(overrides),
            offered: watch::Sender::new(None),
            control_queue: Arc::new(ControlQueue::new(PATIENCE)),
            source: SourceSelector::new(&configured.source, name, test_pattern.clone()),
            test_pattern,
            configured: configured.clone(),
        }
    }

    /// Changes what people chose, and what is therefore asked of the camera, in one step.
    pub(super) fn choose(&self, change: impl FnOnce(&mut UserOverrides)) {
        self.overrides.send_modify(|overrides| {
            change(overrides);
            // Under the lock: of two changes at once, the later one's settings stay.
            let settings = overrides.picture.over(&self.configured);
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

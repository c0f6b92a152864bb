//! What the camera's threads share with the rest of the program: its slots, its viewers, its
//! settings, and the queue in front of its controls.

use std::sync::Arc;

use tokio::sync::watch;

use crate::fleet::Activity;
use porthole_camera::SourceSelector;
use porthole_camera::config::CameraConfig;
use porthole_camera::control_queue::{ANSWER_TIMEOUT, ControlQueue};
use porthole_camera::control_worker::{ControlWorker, OfferedModes};
use porthole_camera::observe::CameraHealth;
use porthole_camera::settings::CameraSettings;
use porthole_camera::slot::{FrameSlot, PictureSlot};
use porthole_camera::test_pattern::TestPatternDevice;
use porthole_camera::user_overrides::UserOverrides;
use porthole_camera::viewers::{MAX_VIEWERS, PictureFeed, ViewerCount};

/// The part of the shared state that belongs to the camera. A crash of the capture or the encoder
/// actor leaves the last picture in place, and the viewers connected.
pub struct CameraState {
    /// Opens and closes the camera.
    pub viewer_count: Arc<ViewerCount>,
    /// The newest frame, from the capture thread to the encoder thread.
    pub frames: Arc<FrameSlot>,
    /// The newest picture, from the encoder thread to the viewers.
    pub pictures: Arc<PictureSlot>,
    /// Where the web server subscribes viewers.
    pub feed: PictureFeed,
    /// What the camera is doing.
    pub health: watch::Receiver<CameraHealth>,
    /// The sizes and rates that it offers.
    pub offered: watch::Receiver<OfferedModes>,
    settings: watch::Sender<CameraSettings>,
    overrides: watch::Sender<UserOverrides>,
    /// Where jobs for its controls wait.
    pub control_queue: Arc<ControlQueue<ControlWorker>>,
    /// Opens the source of pictures and controls that the settings name.
    pub source: SourceSelector,
    /// The drive and the controls of the test pattern.
    pub test_pattern: TestPatternDevice,
    configured: CameraConfig,
}

/// The one publisher of each value that a thread of the camera publishes.
pub struct CameraPublishers {
    /// Of [`CameraState::health`]: the capture thread.
    pub health: watch::Sender<CameraHealth>,
    /// Of [`CameraState::offered`]: the drive thread.
    pub offered: watch::Sender<OfferedModes>,
}

impl CameraState {
    /// A camera that is closed, with the settings that it begins with and what people chose before.
    pub fn new(
        configured: &CameraConfig,
        overrides: UserOverrides,
        name: watch::Receiver<String>,
    ) -> (CameraPublishers, Self) {
        let viewer_count = Arc::new(ViewerCount::new(MAX_VIEWERS));
        let pictures = Arc::new(PictureSlot::new());
        let test_pattern = TestPatternDevice::default();
        let publishers = CameraPublishers {
            health: watch::Sender::new(CameraHealth::Idle),
            offered: watch::Sender::new(None),
        };
        let state = Self {
            feed: PictureFeed::new(Arc::clone(&viewer_count), Arc::clone(&pictures)),
            viewer_count,
            frames: Arc::new(FrameSlot::new()),
            pictures,
            health: publishers.health.subscribe(),
            offered: publishers.offered.subscribe(),
            settings: watch::Sender::new(overrides.picture.over(configured)),
            overrides: watch::Sender::new(overrides),
            control_queue: Arc::new(ControlQueue::new(ANSWER_TIMEOUT)),
            source: SourceSelector::new(&configured.source, name, test_pattern.clone()),
            test_pattern,
            configured: configured.clone(),
        };
        (publishers, state)
    }

    /// What is asked of it: the settings file with the overrides over it. Followed without a
    /// restart.
    pub fn settings(&self) -> watch::Receiver<CameraSettings> {
        self.settings.subscribe()
    }

    /// What people chose over HTTP; [`super::SharedState::choose`] changes it.
    pub fn overrides(&self) -> watch::Ref<'_, UserOverrides> {
        self.overrides.borrow()
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
                let viewers = match self.feed.viewers() {
                    0 => String::new(), // beside a picture, "0 viewers" would puzzle its reader
                    1 => ", 1 viewer".to_owned(),
                    many => format!(", {many} viewers"),
                };
                Activity::Live(format!("{width}×{height}, {fps:.0}/s{viewers}"))
            }
        }
    }
}

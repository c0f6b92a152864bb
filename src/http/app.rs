//! What every handler is given: the shared state, and the actors to send commands to.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::Recipient;

use crate::http::camera_feed::CameraFeed;
use crate::messages::PanicNow;
use crate::messages::election::{SetRemoteAccess, StepDown};
use crate::messages::lan::RenameCamera;
use crate::shared::SharedState;

/// What a request may ask of the actors.
pub struct Actors {
    /// Gives another camera a name.
    pub rename_camera: Recipient<RenameCamera>,
    /// Gives up the leadership.
    pub step_down: Recipient<StepDown>,
    /// Turns the switch of ¶84.
    pub set_remote_access: Recipient<SetRemoteAccess>,
    /// Every actor by its name, for the debug API.
    pub panic_now: BTreeMap<&'static str, Recipient<PanicNow>>,
}

/// What every handler is given, as `web::Data`.
pub struct App {
    /// What the server knows, and what outlives its actors.
    pub shared: Arc<SharedState>,
    /// The actors that take commands.
    pub actors: Actors,
}

impl App {
    /// The camera's pictures, with their streams counted in the metrics.
    pub fn camera_feed(&self) -> CameraFeed {
        CameraFeed {
            feed: self.shared.camera.feed.clone(),
            observer: Arc::new(self.shared.metrics.clone()),
        }
    }
}

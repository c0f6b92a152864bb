//! What every handler is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::Recipient;

use crate::http::stream::Pictures;
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

/// What every handler is given.
pub struct App {
    /// What is known.
    pub shared: Arc<SharedState>,
    /// Who can be told something.
    pub actors: Actors,
}

impl App {
    /// What stream and snapshot need of it.
    pub fn pictures(&self) -> Pictures {
        Pictures {
            feed: self.shared.camera.feed.clone(),
            observer: Arc::new(self.shared.metrics.streams()),
        }
    }
}

//! What every handler is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::Recipient;

use crate::actors::crash::Crash;
use crate::actors::election::ElectionActor;
use crate::actors::lan::LanActor;
use crate::http::camera_feed::CameraFeed;
use crate::shared::SharedState;

/// The addresses of the actors that a request may reach.
pub struct Actors {
    /// Speaks with the other cameras.
    pub lan: actix::Addr<LanActor>,
    /// Gives up the office.
    pub election: actix::Addr<ElectionActor>,
    /// Every actor by its name, for the debug API.
    pub crash: BTreeMap<&'static str, Recipient<Crash>>,
}

/// What every handler is given.
pub struct App {
    /// What is known.
    pub shared: Arc<SharedState>,
    /// Who can be told something.
    pub actors: Actors,
}

impl App {
    /// The camera's pictures, with their streams counted in the metrics.
    pub fn camera_feed(&self) -> CameraFeed {
        CameraFeed {
            viewing: self.shared.camera.viewing.clone(),
            observer: Arc::new(self.shared.metrics.clone()),
        }
    }
}

//! What every handler is given: the shared state, and the actors to send commands to.

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
    /// Exchanges messages with the other cameras.
    pub lan: actix::Addr<LanActor>,
    /// Gives leadership up, and turns remote access on and off.
    pub election: actix::Addr<ElectionActor>,
    /// Every actor by its name, for the debug API.
    pub crash: BTreeMap<&'static str, Recipient<Crash>>,
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
            viewing: self.shared.camera.viewing.clone(),
            observer: Arc::new(self.shared.metrics.clone()),
        }
    }
}

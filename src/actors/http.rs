//! `HttpActor`: opens and closes the ports that are wanted.
//!
//! Owns nothing but its timer: the sockets and servers stand in [`Listeners`], owned by the root.
//! Restarts by looking at what is wanted and what is open. Loses nothing: no socket closes and no
//! stream stops when it crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_web::web::Data;
use tokio_stream::wrappers::WatchStream;
use tracing::warn;

use super::crash::crashes_on_demand;
use crate::http::{App, Listeners};
use crate::shared::PortStatus;
use porthole_types::InternalPort;

/// How often a port that could not be opened is tried again, and a server that ended is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// See the module.
pub struct HttpActor {
    app: Data<App>,
    listeners: Arc<Listeners>,
}

impl HttpActor {
    /// An actor that has yet to open a port.
    pub fn new(app: Data<App>, listeners: Arc<Listeners>) -> Self {
        Self { app, listeners }
    }

    fn arrange(&self, wanted: &BTreeSet<InternalPort>) {
        let bind = self.app.shared.settings.http.bind;
        let mut listen_ports = BTreeMap::new();
        for port in wanted {
            let status = match self.listeners.open(bind, *port, &self.app) {
                Ok(()) => PortStatus::Listening,
                Err(why) => PortStatus::Failed(format!("cannot listen on {bind}:{port}: {why}")),
            };
            listen_ports.insert(*port, status);
        }
        let one_is_open = listen_ports
            .values()
            .any(|status| *status == PortStatus::Listening);
        for port in self.listeners.ports() {
            // Never without a door: an old one stays until a new one is open.
            if one_is_open && !wanted.contains(&port) {
                self.listeners.drain(port);
            }
        }
        let before = self.app.shared.listen_ports.status();
        if before != listen_ports {
            for status in listen_ports.values() {
                if let PortStatus::Failed(why) = status {
                    warn!("{why}");
                }
            }
            self.app.shared.listen_ports.set_status(listen_ports);
        }
    }
}

impl Actor for HttpActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.add_stream(WatchStream::new(self.app.shared.listen_ports.wanted()));
        ctx.run_interval(LOOK, |actor, _| {
            let wanted = actor.app.shared.listen_ports.wanted().borrow().clone();
            actor.arrange(&wanted);
        });
    }
}

impl Supervised for HttpActor {}

impl StreamHandler<BTreeSet<InternalPort>> for HttpActor {
    fn handle(&mut self, wanted: BTreeSet<InternalPort>, _: &mut Self::Context) {
        self.arrange(&wanted);
    }
}

crashes_on_demand!(HttpActor);

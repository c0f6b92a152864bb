//! `HttpActor`: opens and closes the ports that are wanted.
//!
//! Owns nothing but its timer: the sockets and servers are in [`Listeners`], owned by the root.
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
use crate::shared::{OpenPorts, PortStatus};
use porthole_supervise::{Fixed, supervised};
use porthole_types::InternalPort;

/// How often a port that could not be opened is tried again, and a server that ended is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// Brings the ports that are open in line with those that are wanted.
pub struct HttpActor {
    wired: Fixed<Wired>,
}

struct Wired {
    app: Data<App>,
    listeners: Arc<Listeners>,
    open_ports: OpenPorts,
}

impl HttpActor {
    /// An actor that has yet to open a port.
    pub fn new(app: Data<App>, listeners: Arc<Listeners>, open_ports: OpenPorts) -> Self {
        Self {
            wired: Fixed::new(Wired {
                app,
                listeners,
                open_ports,
            }),
        }
    }

    fn arrange(&self, wanted: &BTreeSet<InternalPort>) {
        let Wired {
            app,
            listeners,
            open_ports,
        } = &*self.wired;
        let bind = app.shared.settings.http.bind;
        let mut ports = BTreeMap::new();
        for port in wanted {
            let status = match listeners.open(bind, *port, app) {
                Ok(()) => PortStatus::Listening,
                Err(why) => PortStatus::Failed(format!("cannot listen on {bind}:{port}: {why}")),
            };
            ports.insert(*port, status);
        }
        let one_is_open = ports
            .values()
            .any(|status| *status == PortStatus::Listening);
        for port in listeners.ports() {
            // Never without an open port: an old one stays until a new one is open.
            if one_is_open && !wanted.contains(&port) {
                listeners.drain(port);
            }
        }
        let failures: Vec<_> = ports
            .values()
            .filter_map(PortStatus::failure)
            .map(str::to_owned)
            .collect();
        if open_ports.publish(ports) {
            for why in failures {
                warn!("{why}");
            }
        }
    }
}

impl Actor for HttpActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.add_stream(WatchStream::new(
            self.wired.app.shared.listen_ports.wanted(),
        ));
        ctx.run_interval(LOOK, |actor, _| {
            let wanted = actor
                .wired
                .app
                .shared
                .listen_ports
                .wanted()
                .borrow()
                .clone();
            actor.arrange(&wanted);
        });
    }
}

supervised!(HttpActor { wired });

impl StreamHandler<BTreeSet<InternalPort>> for HttpActor {
    fn handle(&mut self, wanted: BTreeSet<InternalPort>, _: &mut Self::Context) {
        self.arrange(&wanted);
    }
}

crashes_on_demand!(HttpActor);

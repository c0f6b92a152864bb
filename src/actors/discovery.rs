//! `DiscoveryActor`: this server's entry in the LAN's mDNS.
//!
//! Owns the mDNS daemon (a thread of the library). Restarts with a new one. Loses the registration,
//! which is made again at once; other machines' caches keep it meanwhile.

use std::sync::Arc;

use actix::prelude::*;
use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info, warn};

use super::crash::crashes_on_demand;
use crate::cells::Cells;
use crate::lan::interface::{LanAddress, NoAddress};

/// Porthole servers among themselves, and any web server for browsers of the network.
const SERVICES: [&str; 2] = ["_porthole._tcp.local.", "_http._tcp.local."];

/// Take the entry back and wait until the LAN has been told (a daemon that is merely dropped says no goodbye).
#[derive(Message)]
#[rtype(result = "()")]
pub struct SayGoodbye;

/// See the module.
pub struct DiscoveryActor {
    cells: Arc<Cells>,
    life: Option<Registered>,
}

struct Registered {
    daemon: ServiceDaemon,
    names: Vec<String>,
}

impl DiscoveryActor {
    /// An actor that has yet to register anything.
    pub fn new(cells: Arc<Cells>) -> Self {
        Self { cells, life: None }
    }

    fn register(&mut self, lan: &LanAddress) {
        self.withdraw();
        match self.try_register(lan) {
            Ok(registered) => {
                info!(services = ?registered.names, "registered by mDNS");
                self.life = Some(registered);
            }
            Err(why) => {
                warn!(%why, "cannot register by mDNS; the cameras find each other without it");
            }
        }
    }

    fn try_register(&self, lan: &LanAddress) -> Result<Registered, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(IfKind::Name(lan.name.clone()))?;
        let id = self.cells.identity.id;
        let instance = format!("porthole-{id}");
        let host = format!("{instance}.local.");
        let port = self.cells.internal_port().get();
        let id = id.to_string();
        let txt = [("id", id.as_str()), ("version", env!("CARGO_PKG_VERSION"))];
        let mut names = Vec::new();
        for service in SERVICES {
            let address = lan.address.to_string();
            let info =
                ServiceInfo::new(service, &instance, &host, address.as_str(), port, &txt[..])?;
            names.push(info.get_fullname().to_owned());
            daemon.register(info)?;
        }
        Ok(Registered { daemon, names })
    }

    /// Ends the daemon without waiting for it.
    fn withdraw(&mut self) {
        if let Some(registered) = self.life.take()
            && let Err(why) = registered.daemon.shutdown()
        {
            debug!(%why, "the mDNS daemon had ended already");
        }
    }
}

impl Actor for DiscoveryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.cells.settings.lan.mdns {
            ctx.add_stream(WatchStream::new(self.cells.lan.subscribe()));
        }
    }
}

impl Supervised for DiscoveryActor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.withdraw();
    }
}

impl StreamHandler<Result<LanAddress, NoAddress>> for DiscoveryActor {
    fn handle(&mut self, lan: Result<LanAddress, NoAddress>, _: &mut Self::Context) {
        match lan {
            Ok(lan) => self.register(&lan),
            Err(_) => self.withdraw(),
        }
    }
}

impl Handler<SayGoodbye> for DiscoveryActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: SayGoodbye, _: &mut Self::Context) -> Self::Result {
        let registered = self.life.take();
        Box::pin(async move {
            let Some(Registered { daemon, names }) = registered else {
                return;
            };
            for name in names {
                if let Ok(gone) = daemon.unregister(&name) {
                    let _ = gone.recv_async().await;
                }
            }
            if let Ok(ended) = daemon.shutdown() {
                let _ = ended.recv_async().await;
            }
        })
    }
}

crashes_on_demand!(DiscoveryActor);

//! The router at work: UPnP as seen from the LAN, and a forwarded TCP port for each mapping.
//!
//! ```text
//! control point ── UDP ──> ssdp ── LOCATION ──> http ── soap ── actions ──> router ── table
//! client ─────────── TCP to the WAN address ───────────────────────────────> forward ──> camera
//! ```

mod actions;
mod config;
mod description;
mod error;
mod event;
mod forward;
mod http;
mod router;
mod soap;
mod ssdp;

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::table::TableEntry;
use forward::Forwarder;
use router::Router;
use ssdp::{Identity, Sockets};

pub use config::SimRouterConfig;
pub use error::Error;
pub use event::{Event, Wan};

/// Events that a slow listener may lag behind before it loses some.
const EVENTS_KEPT: usize = 256;

/// A running simulated router. Dropping it stops it: WAN ports are closed at once, the rest when
/// its runtime next runs.
#[derive(Debug)]
pub struct SimRouter {
    config: SimRouterConfig,
    ssdp_address: SocketAddrV4,
    http: watch::Sender<SocketAddrV4>,
    wan: watch::Sender<Wan>,
    events: broadcast::Sender<Event>,
    running: Running,
    /// Answers searches, across reboots.
    _ssdp: JoinSet<()>,
}

impl SimRouter {
    /// Starts a router on the current runtime, with the WAN line up and an empty table.
    ///
    /// # Errors
    /// Where there is no tokio runtime, or an address or port of `config` cannot be had.
    pub fn start(config: SimRouterConfig) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let (lan, address) = (config.lan_address, config.ssdp);
        if *address.ip() != lan && !address.ip().is_multicast() {
            return Err(Error::SsdpAddress { lan, ssdp: address });
        }
        let sockets = Sockets::bind(lan, address).map_err(|source| Error::Ssdp {
            lan,
            address,
            source,
        })?;
        let ssdp_address = sockets.address();
        let (wan, _) = watch::channel(Wan::Up);
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let running = Running::boot(&config, config.http_port, &wan, &events, runtime)?;
        let (http, http_seen) = watch::channel(running.http);
        let identity = Identity {
            lan,
            generation: config.quirks.generation,
        };
        let mut ssdp = JoinSet::new();
        ssdp.spawn(sockets.answer_searches(identity, http_seen));
        Ok(Self {
            config,
            ssdp_address,
            http,
            wan,
            events,
            running,
            _ssdp: ssdp,
        })
    }

    /// Where searches are answered.
    pub fn ssdp_address(&self) -> SocketAddrV4 {
        self.ssdp_address
    }

    /// Where the web server is now; another port after each reboot.
    pub fn http_address(&self) -> SocketAddrV4 {
        self.running.http
    }

    /// The mappings whose lease runs, oldest first.
    pub fn table(&self) -> Vec<TableEntry> {
        let rows = self
            .running
            .router
            .read(|table, now| table.live(now).cloned().collect());
        // Only a router that is switched off has no table.
        rows.unwrap_or_default()
    }

    /// Everything that happens from now on; a listener that lags by more than 256 events loses the
    /// oldest.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Puts in a mapping of somebody else past all rules of the router; a TCP one is forwarded too.
    ///
    /// # Errors
    /// Where its WAN port cannot be bound on this machine.
    pub fn add_foreign(&self, entry: TableEntry) -> Result<(), Error> {
        let port = entry.mapping.external_port;
        self.running
            .router
            .put(entry)
            .map_err(|fault| Error::Port { port, fault })
    }

    /// Deletes a mapping as somebody does on the router's own pages: past all rules, whosever it
    /// is.
    pub fn delete_by_hand(&self, entry: &TableEntry) {
        let mapping = &entry.mapping;
        // Gone already, or switched off: there is nothing to delete.
        let _ = self
            .running
            .router
            .delete(mapping.client, mapping.protocol, mapping.external_port);
    }

    /// Gives it another address on the Internet, as providers do: only what it says changes, not
    /// where connections come in on this machine.
    pub fn set_external(&mut self, address: Ipv4Addr) {
        self.config.reported_external = address;
        self.running.router.set_external(address);
    }

    /// Loses the answers to the next `count` writes (mappings made and deleted): each is carried
    /// out, and whoever asked waits in vain.
    pub fn lose_answers(&self, count: u32) {
        self.running.router.lose_answers(count);
    }

    /// Takes the line to the Internet down or up.
    pub fn set_wan(&self, wan: Wan) {
        let changed = self
            .wan
            .send_if_modified(|old| std::mem::replace(old, wan) != wan);
        if changed {
            // Nobody has to listen.
            let _ = self.events.send(Event::Wan(wan));
        }
    }

    /// Switches it off and on: the table is lost, every connection is cut, the uptime starts at
    /// zero, and the web server is on another port (as on real ones: a client that kept the old
    /// URL is refused).
    ///
    /// # Errors
    /// Where no port can be had for the web server; the router then goes on as it was.
    pub async fn reboot(&mut self) -> Result<(), Error> {
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        // While the old server still has its port, the new one cannot be given the same.
        let new = Running::boot(&self.config, 0, &self.wan, &self.events, runtime)?;
        std::mem::replace(&mut self.running, new).stop().await;
        self.http.send_replace(self.running.http);
        let _ = self.events.send(Event::Rebooted);
        Ok(())
    }

    /// Stops it, and returns when its ports are free.
    pub async fn stop(self) {
        let Self {
            running,
            _ssdp: mut ssdp,
            ..
        } = self;
        running.stop().await;
        ssdp.shutdown().await;
    }
}

/// One run of the router, from a boot to the next.
#[derive(Debug)]
struct Running {
    router: Arc<Router>,
    http: SocketAddrV4,
    tasks: JoinSet<()>,
}

impl Running {
    fn boot(
        config: &SimRouterConfig,
        http_port: u16,
        wan: &watch::Sender<Wan>,
        events: &broadcast::Sender<Event>,
        runtime: Handle,
    ) -> Result<Self, Error> {
        let lan = config.lan_address;
        let forwarder = Forwarder::new(config, wan.subscribe(), runtime);
        let router = Arc::new(Router::new(
            config.quirks,
            config.reported_external,
            wan.subscribe(),
            events.clone(),
            forwarder,
        ));
        let wanted = SocketAddrV4::new(lan, http_port);
        let failed = |source| Error::Http {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let server = http::server(listener, lan, Arc::clone(&router)).map_err(failed)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&router).expire_leases());
        tasks.spawn(async {
            if let Err(error) = server.await {
                warn!(%error, "the simulated router's web server ended");
            }
        });
        let http = SocketAddrV4::new(lan, port);
        info!(%http, wan = %config.wan_address, "simulated router is up");
        Ok(Self {
            router,
            http,
            tasks,
        })
    }

    async fn stop(mut self) {
        self.router.switch_off();
        self.tasks.shutdown().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.router.switch_off();
    }
}

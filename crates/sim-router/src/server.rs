//! The router at work: UPnP as seen from the LAN, and a forwarded TCP port for each mapping.
//!
//! ```text
//! control point ── UDP ──> ssdp ── LOCATION ──> http ── soap ── actions ──> router ── table
//! client ─────────── TCP to the WAN address ───────────────────────────────> forward ──> camera
//! ```

mod actions;
mod config;
mod counts;
mod description;
mod error;
mod event;
mod forward;
mod http;
mod router;
mod services;
mod soap;
mod ssdp;

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::quirks::{AfterReboot, FirstLine, TableAfterReboot};
use crate::table::TableEntry;
use counts::Counts;
use forward::Forwarder;
use http::WebServer;
use porthole_types::ExternalPort;
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
    counts: Arc<Counts>,
    /// How often it was switched on again.
    reboots: u32,
    running: Running,
    /// Answers searches, and takes the line up after the first start; across reboots.
    lasting: JoinSet<()>,
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
        let source = config.quirks.answer_source;
        let sockets = Sockets::bind(lan, address, source).map_err(|source| Error::Ssdp {
            lan,
            address,
            source,
        })?;
        let ssdp_address = sockets.address();
        let (wan, _) = watch::channel(match config.quirks.first_line {
            FirstLine::Up => Wan::Up,
            FirstLine::DownFor(_) => Wan::Down,
        });
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let counts = Arc::new(Counts::default());
        let boot = Boot {
            number: 0,
            counts: &counts,
            wan: &wan,
            events: &events,
            runtime,
        };
        let wanted = SocketAddrV4::new(lan, config.http_port);
        let running = boot.run(&config, listen(wanted)?)?;
        let (http, http_seen) = watch::channel(running.http);
        let identity = Identity {
            lan,
            quirks: config.quirks,
        };
        let mut lasting = JoinSet::new();
        lasting.spawn(sockets.answer_searches(identity, http_seen));
        if let FirstLine::DownFor(time) = config.quirks.first_line {
            let (wan, events) = (wan.clone(), events.clone());
            lasting.spawn(async move {
                tokio::time::sleep(time).await;
                change_line(&wan, &events, Wan::Up);
            });
        }
        Ok(Self {
            config,
            ssdp_address,
            http,
            wan,
            events,
            counts,
            reboots: 0,
            running,
            lasting,
        })
    }

    /// How many SOAP requests came since the start, across reboots, whatever was answered.
    pub fn requests(&self) -> u64 {
        self.counts.calls()
    }

    /// How often a host was given a mapping of this external port that it did not have, since the
    /// start and across reboots; renewals are not counted.
    pub fn times_added(&self, port: ExternalPort) -> u64 {
        self.counts.added(port)
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
        change_line(&self.wan, &self.events, wan);
    }

    /// Switches it off and on: the table is lost, every connection is cut, the uptime starts at
    /// zero, and the web server is on another port (as on real ones: a client that kept the old
    /// URL is refused). [`AfterReboot`] and [`TableAfterReboot`] say what is otherwise.
    ///
    /// # Errors
    /// Where no port can be had for the web server; the router then goes on as it was.
    pub async fn reboot(&mut self) -> Result<(), Error> {
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let kept = match self.config.quirks.table_after_reboot {
            TableAfterReboot::Lost => vec![],
            TableAfterReboot::Permanent => self.table(),
        };
        let listener = match self.config.quirks.after_reboot {
            // While the old server still has its port, the new one cannot be given the same.
            AfterReboot::PortMoves => listen(SocketAddrV4::new(self.config.lan_address, 0))?,
            AfterReboot::PathMoves => self.running.same_listener()?,
        };
        self.reboots += 1;
        let boot = Boot {
            number: self.reboots,
            counts: &self.counts,
            wan: &self.wan,
            events: &self.events,
            runtime,
        };
        let new = boot.run(&self.config, listener)?;
        std::mem::replace(&mut self.running, new).stop().await;
        self.http.send_replace(self.running.http);
        // Nobody has to listen.
        let _ = self.events.send(Event::Rebooted);
        let there = self.table();
        for entry in kept.into_iter().filter(|entry| !there.contains(entry)) {
            let port = entry.mapping.external_port;
            let permanent = TableEntry {
                lease_end: None,
                ..entry
            };
            if let Err(fault) = self.running.router.put(permanent) {
                warn!(%port, %fault, "a mapping is not there again after the reboot");
            }
        }
        Ok(())
    }

    /// Stops it, and returns when its ports are free.
    pub async fn stop(self) {
        let Self {
            running,
            mut lasting,
            ..
        } = self;
        running.stop().await;
        lasting.shutdown().await;
    }
}

/// Changes the line, and says so where it is news.
fn change_line(line: &watch::Sender<Wan>, events: &broadcast::Sender<Event>, wan: Wan) {
    let changed = line.send_if_modified(|old| std::mem::replace(old, wan) != wan);
    if changed {
        // Nobody has to listen.
        let _ = events.send(Event::Wan(wan));
    }
}

fn listen(address: SocketAddrV4) -> Result<TcpListener, Error> {
    TcpListener::bind(address).map_err(|source| Error::Http { address, source })
}

/// What a run of the router begins with, beside its configuration.
struct Boot<'a> {
    number: u32,
    counts: &'a Arc<Counts>,
    wan: &'a watch::Sender<Wan>,
    events: &'a broadcast::Sender<Event>,
    runtime: Handle,
}

impl Boot<'_> {
    fn run(self, config: &SimRouterConfig, listener: TcpListener) -> Result<Running, Error> {
        let lan = config.lan_address;
        let failed = |source| Error::Http {
            address: SocketAddrV4::new(lan, config.http_port),
            source,
        };
        let port = listener.local_addr().map_err(failed)?.port();
        let http = SocketAddrV4::new(lan, port);
        listener.set_nonblocking(true).map_err(failed)?;
        let serving = listener.try_clone().map_err(failed)?;
        let serving = tokio::net::TcpListener::from_std(serving).map_err(failed)?;
        let forwarder = Forwarder::new(config, self.wan.subscribe(), self.runtime);
        let router = Arc::new(Router::new(
            config.quirks,
            config.reported_external,
            Arc::clone(self.counts),
            self.wan.subscribe(),
            self.events.clone(),
            forwarder,
        ));
        let server = WebServer::new(http, self.number, Arc::clone(&router));
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&router).expire_leases());
        tasks.spawn(server.serve(serving));
        info!(%http, wan = %config.wan_address, "simulated router is up");
        Ok(Running {
            router,
            http,
            listener,
            tasks,
        })
    }
}

/// One run of the router, from a boot to the next.
#[derive(Debug)]
struct Running {
    router: Arc<Router>,
    http: SocketAddrV4,
    /// The web server's, for a next run on the same port.
    listener: TcpListener,
    tasks: JoinSet<()>,
}

impl Running {
    fn same_listener(&self) -> Result<TcpListener, Error> {
        self.listener.try_clone().map_err(|source| Error::Http {
            address: self.http,
            source,
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

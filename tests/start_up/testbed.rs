//! A testbed of this machine's own: a simulated router and cameras on loopback.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use porthole_gateway::{
    self as gateway, Description, Gateway as _, Igd, Lease, MappingRequest, Search,
};
use porthole_sim_router::{
    Event, Mapping, Protocol, Quirks, SimRouter, SimRouterConfig, TableEntry, Wan,
};
use porthole_types::{ExternalPort, InternalPort};
use tempfile::TempDir;
use tokio::runtime::{Builder, Handle};
use tokio::sync::broadcast::Receiver;
use tokio::sync::oneshot;

use crate::support::lab::{Camera, CameraSetup, Client, PATIENCE, Place};
use crate::support::wait::{ensure, eventually};

/// Addresses of one test.
const ADDRESSES: u8 = 8;

/// Tests whose addresses differ in the last number only.
const TESTBEDS: u8 = u8::MAX / ADDRESSES;

/// How many times as many there may be; more would meet the first ones.
const STREETS: u8 = 8;

/// The port that makes a camera the representative.
pub(crate) const REPRESENTATIVE_PORT: u16 = 8080;

/// One test's router, with room for cameras. Declare the cameras after it, so that they are dropped
/// first.
pub(crate) struct Testbed {
    router: Option<SimRouter>,
    runtime: Handle,
    /// The runtime's thread ends when this is dropped.
    _runs: oneshot::Sender<()>,
    folder: TempDir,
    first: Ipv4Addr,
    ssdp: SocketAddrV4,
}

impl Testbed {
    /// A testbed with a router that has these habits.
    pub(crate) fn with(quirks: Quirks) -> Self {
        let mut testbed = Self::without_router();
        testbed.start_router(quirks);
        testbed
    }

    /// A testbed where nobody answers searches yet.
    pub(crate) fn without_router() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (street, number) = (number / TESTBEDS, number % TESTBEDS);
        assert!(street < STREETS, "no addresses are left");
        let process = std::process::id().to_be_bytes();
        let first = Ipv4Addr::new(
            127,
            128 | street << 4 | process[2] & 15,
            process[3],
            number * ADDRESSES,
        );
        // Nobody else is on this address, so the port stays free.
        let free = UdpSocket::bind((first, 0)).and_then(|socket| socket.local_addr());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let (runs, until) = oneshot::channel::<()>();
        std::thread::spawn(move || runtime.block_on(until));
        Self {
            router: None,
            runtime: handle,
            _runs: runs,
            folder: tempfile::tempdir().unwrap(),
            first,
            ssdp: SocketAddrV4::new(first, free.unwrap().port()),
        }
    }

    /// Plugs in a router.
    pub(crate) fn start_router(&mut self, quirks: Quirks) {
        let _inside = self.runtime.enter();
        let config = SimRouterConfig {
            ssdp: self.ssdp,
            quirks,
            ..SimRouterConfig::loopback(self.first, self.address(1))
        };
        self.router = Some(SimRouter::start(config).unwrap());
    }

    /// Takes the router away.
    pub(crate) fn remove_router(&mut self) {
        let router = self.router.take().expect("there is a router");
        self.runtime.block_on(router.stop());
    }

    /// Switches the router off and on.
    pub(crate) fn reboot_router(&mut self) {
        let router = self.router.as_mut().expect("there is a router");
        self.runtime.block_on(router.reboot()).unwrap();
    }

    pub(crate) fn router(&self) -> &SimRouter {
        self.router.as_ref().expect("there is a router")
    }

    /// Takes the line to the Internet down or up.
    pub(crate) fn set_wan(&self, wan: Wan) {
        self.router().set_wan(wan);
    }

    /// Gives the router another address on the Internet.
    pub(crate) fn set_external(&mut self, address: Ipv4Addr) {
        let router = self.router.as_mut().expect("there is a router");
        router.set_external(address);
    }

    /// The addresses of the test: 0 is the router's, 1 the Internet's, the others are the cameras'
    /// and other devices'.
    pub(crate) fn address(&self, number: u8) -> Ipv4Addr {
        assert!(number < ADDRESSES);
        Ipv4Addr::from_bits(self.first.to_bits() + u32::from(number))
    }

    /// A UDP port that is free on the addresses of this test: nobody else is on them.
    pub(crate) fn free_port(&self) -> u16 {
        let free = UdpSocket::bind((self.address(2), 0)).and_then(|socket| socket.local_addr());
        free.unwrap().port()
    }

    /// A camera at this address, to be set up and started. It knows the others by the router's
    /// table alone.
    pub(crate) fn camera(&self, number: u8, name: &str) -> CameraSetup {
        CameraSetup::here(self.address(number), name, self.folder.path())
            .set("router", "ssdp_address", self.ssdp.to_string())
            .set("lan", "enabled", false)
    }

    /// What a visitor from the Internet finds behind a port of the router.
    pub(crate) fn get_outside(&self, port: u16, path: &str) -> Result<String, String> {
        let url = format!("http://{}:{port}{path}", self.address(1));
        let answer = Client::new(Place::Here).get(&url)?;
        ensure(answer.status == 200, answer.status)?;
        Ok(answer.text())
    }

    /// The router's entry for this port.
    pub(crate) fn entry(&self, port: u16) -> Option<TableEntry> {
        let table = self.router().table();
        table
            .into_iter()
            .find(|entry| entry.mapping.external_port.get() == port)
    }

    /// Waits until the port leads to this camera.
    #[track_caller]
    pub(crate) fn await_entry(&self, port: u16, camera: &Camera) -> TableEntry {
        let what = format!("port {port} leads to {}", camera.name);
        eventually(&what, PATIENCE, || {
            self.entry(port)
                .filter(|entry| entry.mapping.client == camera.address())
                .ok_or_else(|| format!("{:?}", self.router().table()))
        })
    }

    /// Has a device that is no camera hold this port for ever.
    pub(crate) fn put_console(&self, port: u16) {
        let mapping = Mapping {
            protocol: Protocol::Tcp,
            external_port: ExternalPort::new(port).unwrap(),
            client: self.console(),
            internal_port: InternalPort::new(9000).unwrap(),
            description: CONSOLE.to_owned(),
        };
        let entry = TableEntry {
            mapping,
            lease_end: None,
        };
        self.router().add_foreign(entry).unwrap();
    }

    /// Has that device ask the router for this port, as devices do: without looking first.
    pub(crate) fn console_asks_for(&self, port: u16) -> Result<(), gateway::Error> {
        let request = MappingRequest {
            external: ExternalPort::new(port).unwrap(),
            internal: SocketAddrV4::new(self.console(), 9000),
            lease: Lease::Permanent,
            description: Description::for_name("console"),
        };
        self.runtime.block_on(async {
            let router = self.seen_by_console().await?;
            router.add(&request).await
        })
    }

    /// Has that device delete the mapping of this port, whosever it is.
    pub(crate) fn console_deletes(&self, port: u16) -> Result<(), gateway::Error> {
        self.runtime.block_on(async {
            let router = self.seen_by_console().await?;
            router.delete(ExternalPort::new(port).unwrap()).await
        })
    }

    async fn seen_by_console(&self) -> Result<Igd, gateway::Error> {
        let search = Search {
            from: self.console(),
            ssdp: self.ssdp,
            default_gateway: None,
            wait: PATIENCE,
        };
        let observer: Arc<dyn gateway::Observer> = Arc::new(());
        let found = gateway::discover(&search, &observer).await?;
        Ok(Igd::new(found, observer))
    }

    /// The address of the device that is no camera.
    pub(crate) fn console(&self) -> Ipv4Addr {
        self.address(ADDRESSES - 1)
    }
}

/// What a device that is no camera writes into the router's table.
pub(crate) const CONSOLE: &str = "game console";

/// What has happened to the router since `events` was asked for, or read last.
pub(crate) fn happened(events: &mut Receiver<Event>) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

/// Waits until the camera has made so many more requests of this kind to the router.
#[track_caller]
pub(crate) fn await_requests(camera: &Camera, action: &str, more: u32) {
    let series = format!("porthole_router_requests_total{{action=\"{action}\"}}");
    let goal = camera.metric(&series).unwrap() + f64::from(more);
    eventually(&format!("{more} more {action}"), PATIENCE, || {
        let count = camera.metric(&series)?;
        ensure(count >= goal, format!("{count} of {goal}"))
    });
}

/// Waits until it has written this to its log.
#[track_caller]
pub(crate) fn await_log(camera: &Camera, words: &str) {
    let what = format!("{} logs {words:?}", camera.name);
    eventually(&what, PATIENCE, || {
        let log = camera.log_text();
        ensure(log.contains(words), "the log below")
    });
}

/// Its page and its picture are there for the LAN.
#[track_caller]
pub(crate) fn serves_the_lan(camera: &Camera) {
    let page = eventually("the page", PATIENCE, || camera.get("/"));
    assert_eq!(page.status, 200, "{}", page.text());
    eventually("a picture", PATIENCE, || {
        camera.get("/snapshot.jpg")?.picture_size()
    });
}

/// Runs a sub-command of the program to its end, which must come within a minute.
pub(crate) fn porthole(subcommand: &str, settings: &Path) -> Output {
    porthole_with(subcommand, settings, &[])
}

/// The same with these options.
pub(crate) fn porthole_with(subcommand: &str, settings: &Path, options: &[&str]) -> Output {
    Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_porthole"), subcommand, "--config"])
        .arg(settings)
        .args(options)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

/// Until this lease ends.
pub(crate) fn left(entry: &TableEntry) -> Option<Duration> {
    entry
        .lease_end
        .map(|end| end.saturating_duration_since(Instant::now()))
}

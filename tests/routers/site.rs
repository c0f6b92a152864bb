//! One row's place: a simulated router, its history, and cameras on addresses of their own.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use porthole_sim_router::{Quirks, SimRouter, SimRouterConfig};
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;

use crate::history::History;
use crate::support::lab::{Camera, CameraSetup};

/// The unit of every wait on the LAN.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(500);
/// The lease of the representative port.
pub(crate) const LEASE: Duration = Duration::from_secs(12);
/// The number of the first camera's address; the router's is 1, the Internet's 2.
const FIRST_CAMERA: u32 = 3;

/// One row's router, with room for cameras. Declare the cameras after it, so that they are dropped
/// first.
pub(crate) struct Site {
    router: Arc<SimRouter>,
    history: Arc<Mutex<History>>,
    /// The runtime's thread ends, and the router with it, when this is dropped.
    _runs: oneshot::Sender<()>,
    folder: TempDir,
    network: Ipv4Addr,
    ssdp: SocketAddrV4,
    group: SocketAddrV4,
}

impl Site {
    /// The router of the row of this number, with these habits.
    pub(crate) fn new(number: u8, quirks: Quirks) -> Self {
        // 16 addresses of 127.64.0.0/10 for each of 256 rows of each of 1,024 processes, so that
        // no two rows meet, nor two runs of this test.
        let process = std::process::id() % 1_024;
        let row = process << 8 | u32::from(number);
        let network = Ipv4Addr::from_bits(Ipv4Addr::new(127, 64, 0, 0).to_bits() | row << 4);
        let address = |host: u32| Ipv4Addr::from_bits(network.to_bits() + host);
        // Nobody else is on this address, so the port stays free.
        let free = UdpSocket::bind((address(1), 0)).and_then(|socket| socket.local_addr());
        let ssdp = SocketAddrV4::new(address(1), free.unwrap().port());
        // Below those ports that the system hands out. All groups of a port reach all who listen
        // on it, hence one for each row.
        let port = 20_000 + (process % 48) as u16 * 256 + u16::from(number);
        let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 81, number), port);

        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (runs, until) = oneshot::channel::<()>();
        let history = Arc::new(Mutex::new(History::new()));
        let config = SimRouterConfig {
            ssdp,
            quirks,
            ..SimRouterConfig::loopback(address(1), address(2))
        };
        let router = {
            let _inside = runtime.enter();
            Arc::new(SimRouter::start(config).unwrap())
        };
        runtime.spawn(record(Arc::clone(&router), Arc::clone(&history)));
        std::thread::spawn(move || runtime.block_on(until));
        Self {
            router,
            history,
            _runs: runs,
            folder: tempfile::tempdir().unwrap(),
            network,
            ssdp,
            group,
        }
    }

    /// The address of the camera of this number, from 0.
    pub(crate) fn address(&self, camera: u8) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() + FIRST_CAMERA + u32::from(camera))
    }

    /// The camera of this number, from 0, to be started.
    pub(crate) fn camera(&self, number: u8, name: &str) -> Camera {
        CameraSetup::here(self.address(number), name, self.folder.path())
            .set("router", "ssdp_address", self.ssdp.to_string())
            .set(
                "router",
                "representative_lease",
                format!("{}s", LEASE.as_secs()),
            )
            .set("router", "lease", format!("{}s", 2 * LEASE.as_secs()))
            .set("router", "poll_interval", "5s")
            .set("lan", "group", self.group.to_string())
            .set("lan", "heartbeat", format!("{}ms", HEARTBEAT.as_millis()))
            .set("site", "key", format!("of the site at {}", self.network))
            .set("camera", "fps", 1)
            .install()
    }

    /// What was in the router's table until now.
    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// Mappings that this camera has in the router's table, by the router's own account.
    pub(crate) fn left(&self, client: Ipv4Addr) -> usize {
        let table = self.router.table();
        let entries = table.iter();
        entries
            .filter(|entry| entry.mapping.client == client)
            .count()
    }

    /// This text without what differs from run to run: each address by its part in the row.
    pub(crate) fn without_addresses(&self, text: &str) -> String {
        let host = |number| Ipv4Addr::from_bits(self.network.to_bits() + number).to_string();
        // The longest first: one address may be the beginning of another.
        let mut parts = vec![
            (self.address(0).to_string(), "CAMERA-A"),
            (self.address(1).to_string(), "CAMERA-B"),
            (self.address(2).to_string(), "CAMERA-C"),
            (host(1), "ROUTER"),
            (host(2), "INTERNET"),
        ];
        parts.sort_by_key(|(address, _)| std::cmp::Reverse(address.len()));
        parts.iter().fold(text.to_owned(), |text, (address, part)| {
            text.replace(address, part)
        })
    }
}

/// Writes down what happens to the router, until the runtime ends.
async fn record(router: Arc<SimRouter>, history: Arc<Mutex<History>>) {
    let mut events = router.events();
    loop {
        match events.recv().await {
            Ok(event) => lock(&history).add(&event),
            Err(RecvError::Lagged(_)) => {
                let table = router.table();
                lock(&history).resume(&table);
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// A row that panicked has seen what it has seen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So many of something at a time; the others wait for their turn.
pub(crate) struct Turns {
    free: Mutex<usize>,
    given_back: Condvar,
}

/// Until it is dropped, one of those.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(crate) const fn new(many: usize) -> Self {
        Self {
            free: Mutex::new(many),
            given_back: Condvar::new(),
        }
    }

    /// Waits for a turn.
    pub(crate) fn take(&self) -> Turn<'_> {
        let free = self
            .given_back
            .wait_while(lock(&self.free), |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.given_back.notify_one();
    }
}

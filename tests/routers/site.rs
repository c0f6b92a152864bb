//! One row's place: a simulated router, its history, and cameras on addresses of their own.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use porthole_sim_router::{Event, Quirks, SimRouter, SimRouterConfig};
use tempfile::TempDir;
use tokio::runtime::{Builder, Handle};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;

use crate::expected::Searched;
use crate::history::History;
use crate::support::lab::{Camera, CameraSetup, PATIENCE};
use crate::support::wait::{Watch, ensure, eventually};

/// The unit of every wait on the LAN.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(500);
/// The lease of the representative port.
pub(crate) const LEASE: Duration = Duration::from_secs(12);
/// The numbers of the addresses: of the router, whose next one may be its neighbour's, of the
/// Internet and of the first camera.
const ROUTER: u32 = 1;
const INTERNET: u32 = 14;
const FIRST_CAMERA: u32 = 3;

/// Between two looks at the router's count of requests.
const COUNTING: Duration = Duration::from_secs(1);

/// One row's router, with room for cameras. Declare the cameras after it, so that they are dropped
/// first.
pub(crate) struct Site {
    router: Arc<Mutex<SimRouter>>,
    history: Arc<Mutex<History>>,
    runtime: Handle,
    /// The runtime's thread ends when this is dropped.
    _runs: oneshot::Sender<()>,
    folder: TempDir,
    network: Ipv4Addr,
    ssdp: SocketAddrV4,
    group: SocketAddrV4,
}

impl Site {
    /// The router of the row of this number, with these habits.
    pub(crate) fn new(number: u8, quirks: Quirks, searched: Searched) -> Self {
        // 16 addresses of 127.64.0.0/10 for each of 256 rows of each of 1,024 processes, so that
        // no two rows meet, nor two runs of this test.
        let process = std::process::id() % 1_024;
        let row = process << 8 | u32::from(number);
        let network = Ipv4Addr::from_bits(Ipv4Addr::new(127, 64, 0, 0).to_bits() | row << 4);
        let address = |host: u32| Ipv4Addr::from_bits(network.to_bits() + host);
        // Below those ports that the system hands out. All groups of a port reach all who listen
        // on it, hence two for each row.
        let port = 20_000 + (process % 24) as u16 * 512 + u16::from(number) * 2;
        let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 81, number), port);
        let ssdp = match searched {
            Searched::AtItsAddress => {
                // Nobody else is on this address, so the port stays free.
                let free = UdpSocket::bind((address(ROUTER), 0)).and_then(|free| free.local_addr());
                SocketAddrV4::new(address(ROUTER), free.unwrap().port())
            }
            Searched::AtAGroup => SocketAddrV4::new(Ipv4Addr::new(239, 255, 82, number), port + 1),
        };

        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (runs, until) = oneshot::channel::<()>();
        let history = Arc::new(Mutex::new(History::new()));
        let config = SimRouterConfig {
            ssdp,
            quirks,
            ..SimRouterConfig::loopback(address(ROUTER), address(INTERNET))
        };
        let router = {
            let _inside = runtime.enter();
            SimRouter::start(config).unwrap()
        };
        runtime.spawn(record(router.events(), Arc::clone(&history)));
        let handle = runtime.handle().clone();
        std::thread::spawn(move || runtime.block_on(until));
        Self {
            router: Arc::new(Mutex::new(router)),
            history,
            runtime: handle,
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
        let mut history = lock(&self.history);
        history.resume(|| lock(&self.router).table());
        history
    }

    /// Requests to the router so far.
    pub(crate) fn requests(&self) -> u64 {
        lock(&self.router).requests()
    }

    /// Begins to count the requests to the router.
    pub(crate) fn count_requests(&self) -> Requests {
        let router = Arc::clone(&self.router);
        let count = move || (Instant::now(), lock(&router).requests());
        Requests(Watch::start(COUNTING, count))
    }

    /// Switches the router off and on; the history knows of it when this returns.
    pub(crate) fn reboot_router(&self) {
        let before = self.history().reboots;
        self.runtime.block_on(lock(&self.router).reboot()).unwrap();
        eventually("the reboot is in the history", PATIENCE, || {
            ensure(self.history().reboots > before, "not yet")
        });
    }

    /// Mappings that this camera has in the router's table, by the router's own account.
    pub(crate) fn left(&self, client: Ipv4Addr) -> usize {
        let table = lock(&self.router).table();
        let entries = table.iter();
        entries
            .filter(|entry| entry.mapping.client == client)
            .count()
    }

    /// This text without what differs from run to run: each address by its part in the row.
    pub(crate) fn without_addresses(&self, text: &str) -> String {
        let host = |number| Ipv4Addr::from_bits(self.network.to_bits() + number).to_string();
        // The longest first: one address may be the beginning of another.
        let mut parts = [
            (self.address(0).to_string(), "CAMERA-A"),
            (self.address(1).to_string(), "CAMERA-B"),
            (self.address(2).to_string(), "CAMERA-C"),
            (host(ROUTER), "ROUTER"),
            (host(INTERNET), "INTERNET"),
        ];
        parts.sort_by_key(|(address, _)| std::cmp::Reverse(address.len()));
        parts.iter().fold(text.to_owned(), |text, (address, part)| {
            text.replace(address, part)
        })
    }
}

/// Writes down what happens to the router, until it ends.
async fn record(mut events: Receiver<Event>, history: Arc<Mutex<History>>) {
    loop {
        match events.recv().await {
            Ok(event) => lock(&history).add(&event),
            Err(RecvError::Lagged(_)) => lock(&history).lose_sight(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// A row that panicked has seen what it has seen.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The requests to a router while they are counted.
pub(crate) struct Requests(Watch<(Instant, u64)>);

impl Requests {
    /// The most that came within a minute.
    pub(crate) fn most_in_a_minute(self) -> u64 {
        most_within(Duration::from_mins(1), &self.0.finish())
    }
}

/// By how much a count rose within so long at the most, of these readings of it.
fn most_within(time: Duration, readings: &[(Instant, u64)]) -> u64 {
    let rises = readings.iter().enumerate().map(|(index, (begin, before))| {
        let later = readings.iter().skip(index);
        let last = later.take_while(|(at, _)| *at - *begin <= time).last();
        last.map_or(0, |(_, after)| after.saturating_sub(*before))
    });
    rises.max().unwrap_or(0)
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

#[test]
fn the_busiest_minute_is_found() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let readings = [
        (at(0), 0),
        (at(50), 10),
        (at(70), 90),
        (at(110), 100),
        (at(111), 250),
    ];
    assert_eq!(most_within(Duration::from_mins(1), &readings), 160);
    assert_eq!(most_within(Duration::from_mins(1), &[]), 0);
}

//! A large fleet: two real cameras among light peers, which use the real protocol from addresses of
//! their own and have no picture. What each sends stays the same however many there are; `make
//! scale` prints the table for people.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use porthole::fleet::{Activity, Occasion, Report};
use porthole::lan::{Body, Message};
use porthole::site::AuthState;
use porthole_election::ElectionMessage;
use porthole_sim_router::Quirks;
use serde_json::Value;

use crate::peer::{Peer, external, keyring};
use crate::support::lab::{Camera, Client, Place};
use crate::support::wait::{ensure, eventually};
use crate::testbed::Testbed;

const KEY: &str = "the key of this site";

/// Heartbeats of one measurement.
const BEATS: u32 = 10;

/// For a fleet to be complete, which takes a few heartbeats, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the light peers look whether a camera has asked them to show that they are there.
const ANSWER_EVERY: Duration = Duration::from_millis(50);

/// The size of a fleet, and its heartbeat.
struct Size {
    cameras: u16,
    heartbeat: Duration,
}

/// What one measurement saw, per camera.
#[derive(Debug)]
struct Figures {
    cameras: u16,
    /// Bytes (UDP payload) that the representative and a member send in a heartbeat.
    sent: [f64; 2],
    /// Bytes that arrive at each camera in a heartbeat.
    received: f64,
    /// Of one core.
    cpu: [f64; 2],
    memory_mib: [f64; 2],
    page_ms: f64,
    page_kib: f64,
}

/// Joined to the group on loopback; others may be too.
fn joined(group: SocketAddrV4) -> UdpSocket {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_recv_buffer_size(4 << 20).unwrap();
    socket.bind(&group.into()).unwrap();
    socket
        .join_multicast_v4(group.ip(), &Ipv4Addr::LOCALHOST)
        .unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    socket.into()
}

/// A peer without a picture, and when its answer to the last Inquiry is due.
struct Light {
    peer: Peer,
    report: Report,
    due: Option<Instant>,
}

impl Light {
    fn new(number: u16, group: SocketAddrV4) -> Self {
        let low = u8::try_from(number).expect("250 at the most");
        let process = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 64 | process[2] & 63, process[3].max(1), low);
        let peer = Peer::new(address, group, Some(KEY));
        let report = Report {
            external: external(9000 + number),
            activity: Activity::Live("1280×720, 30/s".to_owned()),
            occasion: Occasion::Asked,
            auth_state: AuthState::default().digest(),
            ..Peer::report(&format!("Camera {number}"))
        };
        Self {
            peer,
            report,
            due: None,
        }
    }

    fn report(&mut self) {
        self.peer.say(Body::Report(self.report.clone()));
    }
}

/// All light peers, and the bytes that were received of each camera.
struct Crowd {
    stop: Arc<AtomicBool>,
    runs: Option<JoinHandle<BTreeMap<Ipv4Addr, u64>>>,
}

impl Crowd {
    fn start(many: u16, group: SocketAddrV4, heartbeat: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let runs = thread::spawn(move || {
            let receiver = joined(group);
            let mut peers: Vec<_> = (1..=many).map(|number| Light::new(number, group)).collect();
            let keys = keyring(Some(KEY));
            let mut buffer = [0; 2048];
            let mut heard = BTreeMap::new();
            for peer in &mut peers {
                peer.report();
            }
            let mut answered_at = Instant::now();
            while !until.load(Ordering::Relaxed) {
                let now = Instant::now();
                let asked = now.saturating_duration_since(answered_at) > ANSWER_EVERY;
                if asked {
                    answered_at = now;
                }
                for peer in &mut peers {
                    if asked {
                        peer.peer.answer();
                    }
                    if peer.due.is_some_and(|due| due <= now) {
                        peer.due = None;
                        peer.report();
                    }
                }
                let Ok((length, from)) = receiver.recv_from(&mut buffer) else {
                    continue;
                };
                let std::net::SocketAddr::V4(from) = from else {
                    continue;
                };
                *heard.entry(*from.ip()).or_default() += length as u64;
                let message = keys
                    .open(&buffer[..length])
                    .and_then(|json| Message::from_json(&json));
                if let Ok(Message {
                    body: Body::Election(ElectionMessage::Inquiry { .. }),
                    ..
                }) = message
                {
                    let count = peers.len() as u32;
                    for (number, peer) in (0_u32..).zip(&mut peers) {
                        let wait = heartbeat / 8 * number / count;
                        peer.due.get_or_insert(now + wait);
                    }
                }
            }
            heard
        });
        Self {
            stop,
            runs: Some(runs),
        }
    }

    fn heard(mut self) -> BTreeMap<Ipv4Addr, u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.runs.take().expect("it runs").join().unwrap()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Counts the bytes that each sends during one measurement.
fn listen_for(span: Duration, group: SocketAddrV4) -> BTreeMap<Ipv4Addr, u64> {
    let receiver = joined(group);
    let mut buffer = [0; 2048];
    let mut heard = BTreeMap::new();
    let end = Instant::now() + span;
    while Instant::now() < end {
        if let Ok((length, std::net::SocketAddr::V4(from))) = receiver.recv_from(&mut buffer) {
            *heard.entry(*from.ip()).or_default() += length as u64;
        }
    }
    heard
}

/// Processor time that a process has used (proc(5), `stat`, fields 14 and 15).
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = [11, 12]
        .map(|field: usize| fields[field].parse::<u64>().unwrap())
        .iter()
        .sum();
    Duration::from_millis(ticks * 10) // USER_HZ is 100 on every Linux that people run
}

fn page(camera: &Camera) -> (f64, f64) {
    let client = Client::new(Place::Here);
    let url = format!("http://{}:8080/", camera.address());
    let mut times = Vec::new();
    let mut length = 0;
    for _ in 0..21 {
        let began = Instant::now();
        let answer = client.get(&url).unwrap();
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(answer.status, 200);
        length = answer.body.len();
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], length as f64 / 1024.0)
}

fn measure(size: &Size) -> Figures {
    let testbed = Testbed::with(Quirks::igd2());
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 85), testbed.free_port());
    let camera = |number, name| {
        testbed
            .camera(number, name)
            .set("lan", "enabled", true)
            .set("lan", "group", group.to_string())
            .set(
                "lan",
                "heartbeat",
                format!("{}ms", size.heartbeat.as_millis()),
            )
            .set("site", "key", KEY)
            .start()
    };
    let first = camera(2, "Front door");
    first.await_leadership();
    let second = camera(3, "Garden");
    second.await_port(8081);
    let crowd = Crowd::start(size.cameras - 2, group, size.heartbeat);
    for camera in [&first, &second] {
        eventually("everybody is on the page", PATIENCE, || {
            let fleet: Value = camera.get("/api/v1/cameras")?.json()?;
            let count = fleet["cameras"].as_array().ok_or("no cameras")?.len();
            ensure(count == usize::from(size.cameras), count)
        });
    }

    let both = [&first, &second];
    let before = both.map(|camera| cpu(camera.pid()));
    let span = size.heartbeat * BEATS;
    let heard = listen_for(span, group);
    let after = both.map(|camera| cpu(camera.pid()));
    let (page_ms, page_kib) = page(&first);
    let fleet: Value = first.get("/api/v1/cameras").unwrap().json().unwrap();
    assert_eq!(
        fleet["cameras"].as_array().unwrap().len(),
        usize::from(size.cameras),
        "nobody was lost meanwhile"
    );
    let everybody: u64 = crowd.heard().values().sum();
    assert!(everybody > 0);

    let beats = f64::from(BEATS);
    let of = |camera: &Camera| heard.get(&camera.address()).copied().unwrap_or_default() as f64;
    let memory = |camera: &Camera| camera.metric("process_resident_memory_bytes").unwrap();
    Figures {
        cameras: size.cameras,
        sent: both.map(|camera| of(camera) / beats),
        received: heard.values().sum::<u64>() as f64 / beats,
        cpu: [0, 1]
            .map(|one| after[one].saturating_sub(before[one]).as_secs_f64() / span.as_secs_f64()),
        memory_mib: both.map(|camera| memory(camera) / 1024.0 / 1024.0),
        page_ms,
        page_kib,
    }
}

/// A row of the table in `docs/ref/fleet.md`.
fn row(figures: &Figures, heartbeat: Duration) -> String {
    let Figures {
        cameras,
        sent,
        received,
        cpu,
        memory_mib,
        page_ms,
        page_kib,
    } = figures;
    let per_second = |bytes: f64| bytes / heartbeat.as_secs_f64();
    format!(
        "| {cameras} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} \
         | {page_ms:.1} | {page_kib:.0} |",
        per_second(sent[0]),
        per_second(sent[1]),
        per_second(*received) / 1024.0,
        cpu[0] * 100.0,
        cpu[1] * 100.0,
        memory_mib[0],
        memory_mib[1],
    )
}

#[test]
fn what_a_camera_sends_does_not_grow_with_the_fleet() {
    let asked = std::env::var("PORTHOLE_SCALE").ok();
    let heartbeat = asked
        .as_ref()
        .map_or(Duration::from_millis(500), |_| Duration::from_secs(2));
    let sizes = asked.as_deref().unwrap_or("5,50");
    let figures: Vec<_> = sizes
        .split(',')
        .map(|cameras| {
            let figures = measure(&Size {
                cameras: cameras.trim().parse().unwrap(),
                heartbeat,
            });
            println!("{}", row(&figures, heartbeat));
            figures
        })
        .collect();
    let (small, large) = (&figures[0], &figures[figures.len() - 1]);
    for who in [0, 1] {
        assert!(small.sent[who] > 100.0, "{small:?}");
        // Both in one run; a report more or less in ten heartbeats is chance.
        assert!(
            large.sent[who] < small.sent[who] * 1.5,
            "{small:?}\n{large:?}"
        );
    }
}

//! The attacker on the LAN, against three cameras with a site key: the representative stays,
//! nothing grows, the counters say what was refused, and the operator is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use porthole::lan::{Body, Keyring, Message};
use porthole::settings::{Secret, Site};
use porthole_election::{Cause, ClaimStage, ElectionMessage, FormerRole};
use porthole_sim_router::{Event, Quirks};
use porthole_types::{BootId, InstanceId, Term};
use serde_json::Value;

use crate::support::lab::{Camera, PATIENCE, Role};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed, happened};

const KEY: &str = "the key of this site";

/// Three cameras and the multicast group that they speak in; the first is the representative.
struct AttackedSite {
    cameras: Vec<Camera>,
    group: SocketAddrV4,
    testbed: Testbed,
}

impl AttackedSite {
    fn new() -> Self {
        let testbed = Testbed::with(Quirks::igd2());
        let port = testbed.free_port();
        let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 83), port);
        let cameras = (2..5)
            .map(|number| {
                let camera = testbed
                    .camera(number, &format!("camera {number}"))
                    .set("lan", "enabled", true)
                    .set("lan", "group", group.to_string())
                    .set("lan", "heartbeat", "1s")
                    .set("site", "key", KEY)
                    .start();
                eventually("a port", PATIENCE, || {
                    camera.status()?.external_url.ok_or("none yet".to_owned())
                });
                camera
            })
            .collect();
        Self {
            cameras,
            group,
            testbed,
        }
    }

    /// A socket of a device that is no camera of this site.
    fn attacker(&self) -> UdpSocket {
        let socket = UdpSocket::bind((self.testbed.console(), 0)).unwrap();
        let raw = socket2::SockRef::from(&socket);
        raw.set_multicast_if_v4(&self.testbed.console()).unwrap();
        raw.set_multicast_loop_v4(true).unwrap();
        socket
    }

    /// A socket that hears what every camera says to the group.
    fn listener(&self) -> UdpSocket {
        let any = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        any.set_reuse_address(true).unwrap();
        any.bind(&self.group.into()).unwrap();
        any.join_multicast_v4(self.group.ip(), &self.testbed.console())
            .unwrap();
        let socket = UdpSocket::from(any);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn rejected(&self, reason: &str) -> f64 {
        let series = format!("porthole_lan_messages_rejected_total{{reason=\"{reason}\"}}");
        self.cameras[1].metric(&series).unwrap()
    }

    #[track_caller]
    fn await_rejected(&self, reason: &str, before: f64) {
        eventually(&format!("counted as {reason}"), PATIENCE, || {
            let now = self.rejected(reason);
            ensure(now > before, format!("{now}, as before"))
        });
    }

    /// Waits until so many more Inquiries of the representative were heard: the rotation's own
    /// measure of time.
    #[track_caller]
    fn await_heartbeats(&self, more: f64) {
        let series = "porthole_lan_messages_total{direction=\"received\",kind=\"inquiry\"}";
        let count = || self.cameras[1].metric(series);
        // Each goes out twice.
        let goal = count().unwrap() + 2.0 * more;
        eventually("more heartbeats", PATIENCE, || {
            let now = count()?;
            ensure(now >= goal, format!("{now} of {goal}"))
        });
    }

    fn terms(&self) -> BTreeMap<String, u64> {
        self.cameras
            .iter()
            .map(|camera| {
                let status = camera.status().unwrap();
                (camera.name.clone(), status.term)
            })
            .collect()
    }

    /// The representative is the same one, in the same term, and its mapping was never touched.
    #[track_caller]
    fn assert_unmoved(&self, terms: &BTreeMap<String, u64>, events: Vec<Event>) {
        assert_eq!(self.cameras[0].status().unwrap().role, Role::Representative);
        assert_eq!(self.terms(), *terms);
        let entry = self
            .testbed
            .entry(REPRESENTATIVE_PORT)
            .expect("the representative port is mapped");
        assert_eq!(entry.mapping.client, self.cameras[0].address());
        for event in events {
            let gone = matches!(&event, Event::Deleted(entry) | Event::Expired(entry)
                if entry.mapping.external_port.get() == REPRESENTATIVE_PORT);
            assert!(!gone, "{event:?}");
        }
    }

    fn id_of(&self, camera: usize) -> InstanceId {
        self.cameras[camera].status().unwrap().id.parse().unwrap()
    }
}

fn keyring(key: Option<&str>) -> Keyring {
    Keyring::new(&Site {
        key: key.map(|key| Secret::new(key.to_owned())),
        previous_key: None,
    })
}

/// Everything that a forger would like to be believed, in the name of `of`.
fn forgeries(of: InstanceId) -> Vec<Message> {
    let say = |from, word| Message {
        from,
        boot: BootId(u64::MAX),
        counter: u64::MAX - 1,
        to: None,
        body: Body::Election(word),
    };
    let huge = Term(u64::MAX - 1);
    vec![
        say(
            of,
            ElectionMessage::Withdrawal {
                term: huge,
                of,
                former_role: FormerRole::Representative,
            },
        ),
        say(
            InstanceId(0x0bad),
            ElectionMessage::Claim {
                term: huge,
                round: 0,
                stage: ClaimStage::Acquiring,
                cause: Cause::Withdrawal,
            },
        ),
        say(
            InstanceId(0x0bad),
            ElectionMessage::Inquiry {
                term: huge,
                cause: Cause::Free,
                held_ms: 0,
            },
        ),
        say(of, ElectionMessage::ProbeReply { term: huge }),
    ]
}

#[test]
fn forged_messages_without_the_key_or_with_another_move_nobody_and_are_told_of() {
    let site = AttackedSite::new();
    let (terms, mut events) = (site.terms(), site.testbed.router().events());
    let attacker = site.attacker();
    for (key, reason) in [(None, "unsigned"), (Some("of another"), "wrong_key")] {
        let before = site.rejected(reason);
        for forged in forgeries(site.id_of(0)) {
            let datagram = keyring(key).seal(&forged.to_json()).unwrap();
            attacker.send_to(&datagram, site.group).unwrap();
        }
        site.await_rejected(reason, before);
    }
    site.await_heartbeats(5.0);
    site.assert_unmoved(&terms, happened(&mut events));
    for camera in &site.cameras {
        let status: Value = camera.get("/api/v1/status").unwrap().json().unwrap();
        let notices = status["notices"].to_string();
        assert!(notices.contains("key is on this LAN"), "{notices}");
        let page = camera.get("/").unwrap().text();
        assert!(page.contains("key is on this LAN"), "{page}");
    }
}

#[test]
fn what_the_cameras_said_themselves_counts_once_whoever_says_it_again() {
    let site = AttackedSite::new();
    let (terms, mut events) = (site.terms(), site.testbed.router().events());
    let (ear, attacker) = (site.listener(), site.attacker());
    // Some heartbeats of everybody's messages.
    let mut heard = Vec::new();
    let mut buffer = [0; 2048];
    while heard.len() < 30 {
        let (length, _) = ear.recv_from(&mut buffer).unwrap();
        heard.push(buffer[..length].to_vec());
    }
    let before = site.rejected("replay");
    for datagram in heard.iter().chain(&heard) {
        attacker.send_to(datagram, site.group).unwrap();
    }
    site.await_rejected("replay", before + 30.0);
    site.await_heartbeats(5.0);
    site.assert_unmoved(&terms, happened(&mut events));
}

#[test]
fn a_flood_of_noise_and_mutated_messages_moves_nobody_and_grows_nothing() {
    const A_SECOND: u32 = 10_000;
    const FOR: Duration = Duration::from_secs(10);

    let site = AttackedSite::new();
    let (terms, mut events) = (site.terms(), site.testbed.router().events());
    let resident = |camera: &Camera| camera.metric("process_resident_memory_bytes").unwrap();
    let before: Vec<_> = site.cameras.iter().map(resident).collect();
    let attacker = site.attacker();
    let mut seed = 0x5eed_u64;
    let mut draw = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    let words: Vec<_> = forgeries(site.id_of(0))
        .iter()
        .flat_map(|forged| {
            [None, Some("of another"), Some(KEY)]
                .map(|key| keyring(key).seal(&forged.to_json()).unwrap())
        })
        .collect();
    let began = Instant::now();
    let mut sent = 0_u32;
    while began.elapsed() < FOR {
        // Paced by the clock, not by sleeping: as many as are due by now.
        let due = (began.elapsed().as_secs_f64() * f64::from(A_SECOND)) as u32;
        if sent >= due {
            std::thread::yield_now();
            continue;
        }
        let mut datagram = words[draw() % words.len()].clone();
        if draw() % 2 == 0 {
            datagram = (0..draw() % 1300).map(|_| draw() as u8).collect();
        } else {
            // One bit turned somewhere: with the true key's signature on it, too.
            let bit = draw() % (datagram.len() * 8);
            datagram[bit / 8] ^= 1 << (bit % 8);
        }
        // All hear most of it, and each hears some alone.
        let to = match draw() % 6 {
            alone @ 0..3 => SocketAddrV4::new(site.cameras[alone].address(), site.group.port()),
            _ => site.group,
        };
        if attacker.send_to(&datagram, to).is_ok() {
            sent += 1;
        }
    }
    println!("{sent} datagrams in {:?}", began.elapsed());
    assert!(sent > A_SECOND * 8, "the attacker keeps up: {sent}");
    site.await_heartbeats(5.0);
    site.assert_unmoved(&terms, happened(&mut events));
    for (camera, before) in site.cameras.iter().zip(before) {
        let grown = resident(camera) - before;
        println!(
            "{}: {:.1} MiB more resident memory",
            camera.name,
            grown / 1_048_576.0
        );
        assert!(grown < 8.0 * 1_048_576.0, "{grown} bytes");
        assert_eq!(camera.metric("porthole_heartbeats_missed_total"), Ok(0.0));
    }
    for reason in ["malformed", "wrong_key"] {
        assert!(site.rejected(reason) > 0.0, "{reason}");
    }
}

//! What the cameras say to each other, with the router's table left unread: over each transport, with the
//! site's key and without.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use porthole::sim::Quirks;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::house::{House, await_log};
use crate::support::lab::{Camera, CameraSetup, PATIENCE, Role};
use crate::support::wait::{ensure, eventually};

/// The cameras' places in their house.
const NUMBERS: [u8; 3] = [2, 3, 4];

/// A house whose cameras speak in a group of its own; the port of it.
fn house() -> (House, u16) {
    let house = House::with(Quirks::igd2());
    let free = UdpSocket::bind((house.address(2), 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    (house, port)
}

/// A camera that knows of the others by what they say alone: its next poll is later than anybody's patience.
fn talker((house, port): &(House, u16), number: u8, name: &str, transport: &str) -> CameraSetup {
    house
        .camera(number, name)
        .set("lan", "enabled", true)
        .set("lan", "transport", transport)
        .set("lan", "group", format!("239.255.80.82:{port}"))
        .set("lan", "heartbeat", "500ms")
        .set("router", "read_table", false)
        .set("router", "poll_interval", "60s")
}

/// The others on the page of this camera: name, and the port that leads there from outside.
fn others(camera: &Camera) -> Result<BTreeSet<(String, u16)>, String> {
    let fleet: Value = camera.get("/api/v1/cameras")?.json()?;
    let cameras = fleet["cameras"].as_array().ok_or("no cameras")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let port = |url: &str| url.trim_end_matches('/').rsplit(':').next()?.parse().ok();
    Ok(cameras
        .iter()
        .map(|one| (text(&one["name"]), text(&one["external_url"])))
        .filter(|(name, _)| *name != camera.name)
        .map(|(name, url)| (name, port(&url).unwrap_or_default()))
        .collect())
}

#[track_caller]
fn lists(camera: &Camera, expected: &[(&str, u16)]) {
    let expected: BTreeSet<_> = expected
        .iter()
        .map(|(name, port)| ((*name).to_owned(), *port))
        .collect();
    let what = format!("{} lists {expected:?}", camera.name);
    eventually(&what, PATIENCE, || {
        let seen = others(camera)?;
        ensure(seen == expected, format!("{seen:?}"))
    });
}

fn rejected(camera: &Camera, reason: &str) -> Result<f64, String> {
    camera.metric(&format!(
        "porthole_lan_messages_rejected_total{{reason=\"{reason}\"}}"
    ))
}

/// Claims 3, 4 and 6.
fn the_page_fills_over(transport: &str) {
    let group = house();
    let house = &group.0;
    let setup = |number, name| {
        let peers: Vec<_> = NUMBERS
            .iter()
            .map(|number| house.address(*number).to_string())
            .collect();
        let setup = talker(&group, number, name, transport).set("site", "key", "of this house");
        match transport {
            "unicast" => setup.set("lan", "peers", peers),
            _ => setup,
        }
    };
    let first = setup(2, "Front door").start();
    first.await_office();
    let second = setup(3, "Garden").start();
    second.await_port(8081);
    let third = setup(4, "Till").start();
    third.await_port(8082);
    lists(&first, &[("Garden", 8081), ("Till", 8082)]);
    lists(&second, &[("Front door", 8080), ("Till", 8082)]);
    lists(&third, &[("Front door", 8080), ("Garden", 8081)]);
    for reason in ["malformed", "unsigned", "wrong_key", "replay", "too_many"] {
        assert_eq!(rejected(&first, reason), Ok(0.0), "{reason}");
    }
}

#[test]
fn with_the_table_unread_the_page_fills_over_multicast() {
    the_page_fills_over("multicast");
}

#[test]
fn with_the_table_unread_the_page_fills_over_broadcast() {
    the_page_fills_over("broadcast");
}

#[test]
fn with_the_table_unread_the_page_fills_over_unicast() {
    the_page_fills_over("unicast");
}

#[test]
fn a_camera_that_says_goodbye_leaves_the_page_before_its_report_grows_old() {
    let group = house();
    // A report vouches for its sender for four heartbeats: 40 s, twice what this test waits.
    let setup =
        |number, name| talker(&group, number, name, "multicast").set("lan", "heartbeat", "10s");
    let first = setup(2, "Front door").start();
    first.await_office();
    let mut second = setup(3, "Garden").start();
    second.await_port(8081);
    lists(&first, &[("Garden", 8081)]);
    assert!(second.terminate().success());
    lists(&first, &[]);
}

#[test]
fn cameras_with_another_key_or_none_are_ignored_and_told_of() {
    let group = house();
    let setup = |number, name| talker(&group, number, name, "multicast");
    let first = setup(2, "Front door")
        .set("site", "key", "of this house")
        .start();
    first.await_office();
    let counted = |reason| {
        eventually(&format!("counted as {reason}"), PATIENCE, || {
            ensure(rejected(&first, reason)? > 2.0, "not yet")
        });
    };
    let other = setup(3, "Garden").set("site", "key", "of another").start();
    await_log(&first, "A peer with another key is on this LAN");
    counted("wrong_key");
    let none = setup(4, "Till").start();
    counted("unsigned");
    await_log(&none, "A peer with a key is on this LAN");
    for camera in [&first, &other, &none] {
        lists(camera, &[]);
    }
}

/// What the flood is made of, and how it is sent: 100 datagrams each 10 ms.
const FLOOD: usize = 100_000;
const AT_ONCE: usize = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// Some seconds of what is said in the group.
fn record(house: &House, group: SocketAddrV4) -> Vec<Vec<u8>> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&group.into()).unwrap();
    socket
        .join_multicast_v4(group.ip(), &house.console())
        .unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let socket = UdpSocket::from(socket);
    let mut buffer = [0; 2000];
    (0..20)
        .map(|_| {
            let length = socket.recv(&mut buffer).expect("the cameras speak");
            buffer[..length].to_vec()
        })
        .collect()
}

/// Noise, a replay, a forgery without a signature, or a real datagram with one bit turned.
fn attack(recorded: &[Vec<u8>]) -> Vec<u8> {
    let mut noise = [0_u8; 64];
    getrandom::fill(&mut noise).unwrap();
    let pick = |from: usize| usize::from(u16::from_be_bytes([noise[from], noise[from + 1]]));
    let real = &recorded[pick(0) % recorded.len()];
    match noise[2] % 4 {
        0 => noise[..pick(3) % noise.len()].to_vec(),
        1 => real.clone(),
        2 => [b"PHLN\x01\x00", &real[46..]].concat(),
        _ => {
            let mut turned = real.clone();
            turned[pick(5) % real.len()] ^= 1 << (noise[7] % 8);
            turned
        }
    }
}

#[test]
fn under_a_flood_of_noise_replays_and_forgeries_the_representative_stays_and_nothing_grows() {
    let group = house();
    let setup = |number, name| {
        talker(&group, number, name, "multicast")
            .set("lan", "heartbeat", "1s")
            .set("site", "key", "of this house")
    };
    let first = setup(2, "Front door").start();
    first.await_office();
    let second = setup(3, "Garden").start();
    second.await_port(8081);
    lists(&first, &[("Garden", 8081)]);

    let (house, port) = (&group.0, group.1);
    let address = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 82), port);
    let recorded = record(house, address);
    let attacker = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    attacker
        .bind(&SocketAddrV4::new(house.console(), 0).into())
        .unwrap();
    attacker.set_multicast_if_v4(&house.console()).unwrap();
    let attacker = UdpSocket::from(attacker);
    let memory = |camera: &Camera| camera.metric("process_resident_memory_bytes").unwrap();
    let before = [&first, &second].map(memory);
    for sent in 0..FLOOD {
        // All hear it, and each alone does.
        let to = match sent % 4 {
            0 => SocketAddrV4::new(first.address(), port),
            1 => SocketAddrV4::new(second.address(), port),
            _ => address,
        };
        let _ = attacker.send_to(&attack(&recorded), to); // a full buffer is part of a flood
        if sent % AT_ONCE == 0 {
            std::thread::sleep(PAUSE);
        }
    }

    for (camera, before) in [&first, &second].into_iter().zip(before) {
        let grown = memory(camera) - before;
        assert!(grown < 8e6, "{} has grown by {grown} bytes", camera.name);
        for reason in ["malformed", "unsigned", "wrong_key", "replay", "too_many"] {
            assert!(rejected(camera, reason).unwrap() > 0.0, "{reason}");
        }
        await_log(camera, "Give all cameras the same site.key.");
    }
    assert_eq!(first.status().unwrap().role, Role::Representative);
    assert_eq!(second.status().unwrap().role, Role::Member);
    let changes = "porthole_representative_changes_total";
    assert_eq!(first.metric(changes), Ok(1.0));
    assert_eq!(second.metric(changes), Ok(0.0));
    lists(&first, &[("Garden", 8081)]);
}

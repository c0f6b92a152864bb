//! mDNS after the cable was out for longer than records are remembered: with the same address as
//! before, the cameras find each other again.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use serde_json::Value;

use crate::support::lab::{Camera, Host, Lab, LabConfig, PATIENCE};
use crate::support::wait::{ensure, eventually};

/// How long the records of a camera are remembered by others, and some more: the library asks for
/// two minutes (RFC 6762, 10), and offers no other value.
const FORGOTTEN: Duration = Duration::from_mins(3);

/// The longest pause of the library between two questions for more cameras that is met here; it
/// doubles each time.
const ASKED: Duration = Duration::from_secs(140);

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const MDNS: u16 = 5353;

/// `_porthole._tcp.local`, PTR, as in a question.
const QUESTION: &[u8] = b"\x09_porthole\x04_tcp\x05local\0\0\x0c";

/// How soon the cameras know each other again.
const FOUND_AGAIN: Duration = Duration::from_mins(1);

/// The cameras that this one knows by mDNS, asked without the LAN.
fn known(camera: &Camera) -> Result<Vec<String>, String> {
    let fleet: Value = camera.get_by_loopback("/api/v1/cameras")?.json()?;
    let cameras = fleet["cameras"].as_array().ok_or("no cameras")?;
    let by_mdns = cameras
        .iter()
        .filter(|one| one["self"] == false && !one["sources"]["mdns"].is_null());
    Ok(by_mdns
        .filter_map(|one| one["name"].as_str().map(str::to_owned))
        .collect())
}

#[track_caller]
fn await_known(camera: &Camera, expected: &[&str], limit: Duration) {
    let what = format!("{} knows {expected:?}", camera.name);
    eventually(&what, limit, || {
        let known = known(camera)?;
        ensure(known == expected, format!("{known:?}"))
    });
}

/// The threads of mDNS in the camera's process.
fn daemons(camera: &Camera) -> usize {
    let threads = fs::read_dir(format!("/proc/{}/task", camera.pid())).unwrap();
    let names =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "mDNS_daemon").count()
}

/// Hears what is asked by mDNS on the LAN.
struct Listener(UdpSocket);

impl Listener {
    fn open(lab: &Lab) -> Self {
        let neighbour = lab.neighbour();
        let socket = neighbour.namespace.run(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, MDNS))?;
            socket.join_multicast_v4(&GROUP, &neighbour.address)?;
            Ok::<_, std::io::Error>(socket)
        });
        let socket = socket.unwrap();
        socket.set_nonblocking(true).unwrap();
        Self(socket)
    }

    /// Waits until this camera asks from now on who is there.
    fn await_question(&self, of: &Camera) {
        let mut datagram = [0; 9_000];
        while self.0.recv_from(&mut datagram).is_ok() {}
        eventually("it asks who is there", ASKED, || {
            let Ok((length, SocketAddr::V4(from))) = self.0.recv_from(&mut datagram) else {
                return Err("nothing");
            };
            let datagram = &datagram[..length];
            let is_query = datagram.get(2).is_some_and(|flags| flags & 0x80 == 0);
            let asks = datagram
                .windows(QUESTION.len())
                .any(|part| part == QUESTION);
            let asked = is_query && asks && *from.ip() == of.address();
            asked.then_some(()).ok_or("something else")
        });
    }
}

/// Two cameras that can know of each other by mDNS alone.
fn by_mdns_alone(lab: &Lab, hosts: &[Host; 2]) -> [Camera; 2] {
    let [first, second] = hosts.clone();
    [(first, "Front door"), (second, "Garden")].map(|(host, name)| {
        lab.camera_on(host, name)
            .set("router", "enabled", false)
            .set("lan", "enabled", false)
            .set("lan", "mdns", true)
            .start()
    })
}

#[test]
fn after_a_long_time_without_cable_cameras_with_the_same_addresses_find_each_other_again() {
    let Some(lab) = Lab::open_without_router(LabConfig::default()) else {
        return;
    };
    let [first, second] = by_mdns_alone(&lab, &[11, 12].map(|number| lab.host(number)));
    await_known(&first, &["Garden"], PATIENCE);
    await_known(&second, &["Front door"], PATIENCE);

    let listener = Listener::open(&lab);
    first.unplug();
    await_known(&second, &[], FORGOTTEN);
    // Not just before it would have asked by itself.
    listener.await_question(&second);
    first.plug_in();
    await_known(&first, &["Garden"], FOUND_AGAIN);
    await_known(&second, &["Front door"], FOUND_AGAIN);
}

#[test]
fn after_a_long_time_apart_with_their_links_up_cameras_find_each_other_again() {
    let Some(lab) = Lab::open_without_router(LabConfig::default()) else {
        return;
    };
    let hosts = [11, 12].map(|number| lab.host(number));
    let [first, second] = by_mdns_alone(&lab, &hosts);
    await_known(&first, &["Garden"], PATIENCE);
    await_known(&second, &["Front door"], PATIENCE);

    let listener = Listener::open(&lab);
    hosts[0].cut_off();
    await_known(&first, &[], FORGOTTEN);
    await_known(&second, &[], FORGOTTEN);
    listener.await_question(&second);
    hosts[0].reconnect();
    await_known(&first, &["Garden"], FOUND_AGAIN);
    await_known(&second, &["Front door"], FOUND_AGAIN);
    for camera in [&first, &second] {
        let log = camera.log_text();
        assert!(!log.contains("nothing is heard"), "it has heard itself");
    }
}

#[test]
fn however_often_the_cable_is_out_there_is_one_mdns_daemon_and_who_is_gone_is_not_shown() {
    let Some(lab) = Lab::open_without_router(LabConfig::default()) else {
        return;
    };
    let [first, second] = by_mdns_alone(&lab, &[11, 12].map(|number| lab.host(number)));
    await_known(&first, &["Garden"], PATIENCE);
    assert_eq!(daemons(&first), 1);
    for _ in 0..3 {
        first.unplug();
        eventually("without a link there is no daemon", PATIENCE, || {
            let daemons = daemons(&first);
            ensure(daemons == 0, daemons)
        });
        await_known(&first, &[], PATIENCE);
        first.plug_in();
        await_known(&first, &["Garden"], FOUND_AGAIN);
        await_known(&second, &["Front door"], FOUND_AGAIN);
        assert_eq!(daemons(&first), 1);
    }
}

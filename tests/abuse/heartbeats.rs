//! What the other cameras notice when the representative is attacked: nothing.

use std::net::{Ipv4Addr, SocketAddrV4};

use porthole_sim_router::Quirks;

use crate::attacker::target;
use crate::connections::{crowd_at, nonsense};
use crate::people::setup;
use crate::support::lab::{Camera, PATIENCE, Role};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed};

/// Waits until the camera has heard so many more heartbeats.
#[track_caller]
fn await_heartbeats(camera: &Camera, more: f64) {
    let series = "porthole_lan_messages_total{direction=\"received\",kind=\"inquiry\"}";
    // Each goes out twice.
    let goal = camera.metric(series).unwrap() + 2.0 * more;
    eventually("more heartbeats", PATIENCE, || {
        let heard = camera.metric(series)?;
        ensure(heard >= goal, format!("{heard} of {goal}"))
    });
}

#[test]
fn no_heartbeat_is_missed_while_the_representative_is_attacked() {
    let testbed = Testbed::with(Quirks::igd2());
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 83), testbed.free_port());
    let start = |number| {
        setup(&testbed, number)
            .set("lan", "enabled", true)
            .set("lan", "group", group.to_string())
            .set("lan", "heartbeat", "1s")
            .start()
    };
    let representative = start(2);
    testbed.await_entry(REPRESENTATIVE_PORT, &representative);
    let member = start(3);
    testbed.await_entry(8081, &member);
    await_heartbeats(&member, 3.0);
    let missed = || member.metric("porthole_heartbeats_missed_total").unwrap();
    let (before, term) = (missed(), member.status().unwrap().term);

    let to = target(&representative);
    let request = format!("POST /login HTTP/1.1\r\nHost: {to}\r\nContent-Length: 1000\r\n\r\nx");
    let crowd = crowd_at(to, 1500, 50, request.as_bytes());
    let flood = nonsense(to);
    eventually("a flood", PATIENCE, || {
        ensure(flood.sent() > 5000, flood.sent())
    });
    await_heartbeats(&member, 5.0);
    drop((flood, crowd));
    assert!(missed() <= before, "{} missed", missed() - before);
    assert_eq!(member.status().unwrap().term, term);
    assert_eq!(representative.status().unwrap().role, Role::Representative);
}

//! A camera that stops reporting itself fades from the page and goes, once and without flicker.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use porthole::lan::Body;
use porthole_election::{ElectionMessage, FormerRole};
use porthole_sim_router::Quirks;
use porthole_types::Term;
use serde_json::Value;

use crate::peer::Peer;
use crate::support::lab::{Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::Testbed;

/// How the other is listed: its presence, and whether it is verified. None where it is not.
type Listed = Option<(String, bool)>;

fn listed(camera: &Camera, name: &str) -> Result<Listed, String> {
    let fleet: Value = camera.get("/api/v1/cameras")?.json()?;
    let cameras = fleet["cameras"].as_array().ok_or("no cameras")?;
    let one = cameras.iter().find(|one| one["name"] == name);
    Ok(one.map(|one| {
        let presence = one["presence"].as_str().unwrap_or_default();
        (presence.to_owned(), one["verified"] == true)
    }))
}

#[test]
fn a_camera_that_falls_silent_is_shown_as_fading_and_then_not_at_all() {
    let testbed = Testbed::with(Quirks::igd2());
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 85), testbed.free_port());
    let camera = testbed
        .camera(2, "Front door")
        .set("lan", "enabled", true)
        .set("lan", "group", group.to_string())
        .set("lan", "heartbeat", "400ms")
        .start();
    camera.await_leadership();
    let mut peer = Peer::new(testbed.address(6), group, None);
    let report = Peer::report("Garden");
    peer.say(Body::Report(report));
    let mut seen: Vec<Listed> = Vec::new();
    let began = Instant::now();
    let gone = |seen: &[Listed]| seen.len() > 1 && seen.last() == Some(&None);
    while !gone(&seen) && began.elapsed() < PATIENCE {
        let now = listed(&camera, "Garden").unwrap();
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    let state = |presence: &str, verified| Some((presence.to_owned(), verified));
    // Before its report was merged.
    let seen: Vec<_> = seen.into_iter().skip_while(Option::is_none).collect();
    assert_eq!(seen, [state("here", true), state("fading", false), None]);

    // It reports itself again, and leaves: no fading.
    let report = Peer::report("Garden");
    peer.say(Body::Report(report));
    eventually("it is back", PATIENCE, || {
        let now = listed(&camera, "Garden")?;
        ensure(now == state("here", true), format!("{now:?}"))
    });
    peer.say(Body::Election(ElectionMessage::Withdrawal {
        term: Term(1),
        of: peer.id,
        former_role: FormerRole::Member,
    }));
    let next = eventually("it is listed otherwise", PATIENCE, || {
        let now = listed(&camera, "Garden")?;
        ensure(now != state("here", true), "as before").map(|()| now)
    });
    assert_eq!(next, None);
}

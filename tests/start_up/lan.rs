//! The cameras' messages to each other, with the router's table left unread: over each transport,
//! with the site's key and without.

use std::collections::BTreeSet;

use porthole_sim_router::Quirks;
use serde_json::Value;

use crate::support::lab::{Camera, CameraSetup, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{Testbed, await_log};

/// The numbers of the cameras at the site.
const NUMBERS: [u8; 3] = [2, 3, 4];

/// A site whose cameras have a multicast group of their own, and the port of that.
fn testbed() -> (Testbed, u16) {
    let testbed = Testbed::with(Quirks::igd2());
    let port = testbed.free_port();
    (testbed, port)
}

/// A camera that knows of the others by their messages alone: its next reading of the table comes
/// after the test.
fn camera_on_lan(
    (testbed, port): &(Testbed, u16),
    number: u8,
    name: &str,
    transport: &str,
) -> CameraSetup {
    testbed
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
    let group = testbed();
    let testbed = &group.0;
    let setup = |number, name| {
        let peers: Vec<_> = NUMBERS
            .iter()
            .map(|number| testbed.address(*number).to_string())
            .collect();
        let setup = camera_on_lan(&group, number, name, transport).set(
            "site",
            "key",
            "the key of this site",
        );
        match transport {
            "unicast" => setup.set("lan", "peers", peers),
            _ => setup,
        }
    };
    let first = setup(2, "Front door").start();
    first.await_leadership();
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
fn a_camera_that_leaves_is_off_the_page_before_its_report_grows_old() {
    let group = testbed();
    // A camera counts as verified for four heartbeats after a report: 40 s, twice what this test
    // waits.
    let setup = |number, name| {
        camera_on_lan(&group, number, name, "multicast").set("lan", "heartbeat", "10s")
    };
    let first = setup(2, "Front door").start();
    first.await_leadership();
    let mut second = setup(3, "Garden").start();
    second.await_port(8081);
    lists(&first, &[("Garden", 8081)]);
    assert!(second.terminate().success());
    lists(&first, &[]);
}

#[test]
fn cameras_with_another_key_or_none_are_ignored_and_told_of() {
    let group = testbed();
    let setup = |number, name| camera_on_lan(&group, number, name, "multicast");
    let first = setup(2, "Front door")
        .set("site", "key", "the key of this site")
        .start();
    first.await_leadership();
    let counted = |reason| {
        eventually(&format!("counted as {reason}"), PATIENCE, || {
            ensure(rejected(&first, reason)? > 2.0, "not yet")
        });
    };
    let other = setup(3, "Garden")
        .set("site", "key", "the key of another site")
        .start();
    await_log(&first, "A peer with another key is on this LAN");
    counted("wrong_key");
    let none = setup(4, "Till").start();
    counted("unsigned");
    await_log(&none, "A peer with a key is on this LAN");
    for camera in [&first, &other, &none] {
        lists(camera, &[]);
    }
}

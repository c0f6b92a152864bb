//! Each detection and each succession alone, as the settings allow (¶85), with the real program.

use porthole_sim_router::{Access, Leases, Quirks};
use serde_json::Value;

use crate::support::lab::{Camera, PATIENCE, Role};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed};

/// Three cameras with these rules; the first is the representative.
fn fleet(testbed: &Testbed, detection: &[&str], succession: &str) -> Vec<Camera> {
    let port = testbed.free_port();
    let fleet: Vec<_> = (2..5)
        .map(|number| {
            let camera = testbed
                .camera(number, &format!("camera {number}"))
                .set("lan", "enabled", true)
                .set("lan", "group", format!("239.255.80.84:{port}"))
                .set("lan", "heartbeat", "500ms")
                // Long enough that no takeover below can come from the lease.
                .set("router", "representative_lease", "10m")
                .set("router", "poll_interval", "2s")
                .set("election", "detection", detection)
                .set("election", "succession", succession)
                .start();
            eventually("a port", PATIENCE, || {
                camera.status()?.external_url.ok_or("none yet".to_owned())
            });
            camera
        })
        .collect();
    for camera in &fleet {
        eventually("it knows who is representative", PATIENCE, || {
            let status: Value = camera.get("/api/v1/status")?.json()?;
            let known = &status["representative"];
            ensure(known["since"].is_number(), known.to_string())
        });
        // Who has not heard of those before it believes to be the next in order.
        eventually("it has heard all others", PATIENCE, || {
            let fleet: Value = camera.get("/api/v1/cameras")?.json()?;
            let all = fleet["cameras"].as_array().ok_or("no cameras")?;
            let spoke = |one: &&Value| one["verified"] == true && one["external_url"].is_string();
            ensure(all.iter().filter(spoke).count() == 3, fleet.to_string())
        });
    }
    fleet
}

/// Why the new representative says that it is one.
#[track_caller]
fn successor(testbed: &Testbed, fleet: &[Camera]) -> (usize, String) {
    eventually("another representative", PATIENCE, || {
        for (number, camera) in fleet.iter().enumerate().skip(1) {
            let status: Value = camera.get("/api/v1/status")?.json()?;
            if status["role"] == "representative" {
                let entry = testbed.entry(REPRESENTATIVE_PORT).ok_or("8080 is free")?;
                ensure(
                    entry.mapping.client == camera.address(),
                    "not on the router",
                )?;
                let cause = status["representative"]["cause"]
                    .as_str()
                    .unwrap_or_default();
                return Ok((number, cause.to_owned()));
            }
        }
        Err("none yet".to_owned())
    })
}

/// A power cut; the router lets anybody delete.
fn after_a_power_cut(detection: &[&str], succession: &str) -> (usize, String) {
    let testbed = Testbed::with(Quirks {
        access: Access::Open,
        ..Quirks::igd2()
    });
    let mut fleet = fleet(&testbed, detection, succession);
    fleet[0].kill();
    let found = successor(&testbed, &fleet);
    let members = fleet[1..].iter().enumerate();
    for (number, camera) in members.filter(|(number, _)| number + 1 != found.0) {
        assert_eq!(camera.status().unwrap().role, Role::Member, "{number}");
    }
    found
}

#[test]
fn claim_13_alone_a_farewell_makes_the_next_in_order_representative() {
    let testbed = Testbed::with(Quirks::igd2());
    let mut fleet = fleet(&testbed, &["withdrawal"], "port-order");
    assert!(fleet[0].terminate().success());
    assert_eq!(successor(&testbed, &fleet), (1, "withdrawal".to_owned()));
}

#[test]
fn claim_14_alone_missed_inquiries_make_the_next_in_order_representative() {
    let found = after_a_power_cut(&["heartbeat"], "port-order");
    assert_eq!(found, (1, "missed-heartbeats".to_owned()));
}

#[test]
fn claim_15_alone_unanswered_probes_make_another_representative() {
    let (_, cause) = after_a_power_cut(&["probe"], "port-order");
    assert_eq!(cause, "unanswered-probes");
}

#[test]
fn claim_10_random_waits_end_with_one_representative() {
    after_a_power_cut(&["withdrawal", "heartbeat", "probe"], "random");
}

#[test]
fn claim_12_the_servers_own_values_end_with_one_representative() {
    after_a_power_cut(&["withdrawal", "heartbeat", "probe"], "server-value");
}

#[test]
fn where_leases_have_no_end_and_others_may_delete_a_dead_one_is_replaced_at_once() {
    let testbed = Testbed::with(Quirks {
        access: Access::Open,
        leases: Leases::PermanentOnly,
        ..Quirks::igd2()
    });
    let mut fleet = fleet(&testbed, &["heartbeat"], "port-order");
    fleet[0].kill();
    assert_eq!(
        successor(&testbed, &fleet),
        (1, "missed-heartbeats".to_owned())
    );
    let class = || {
        let status: Value = fleet[1].get("/api/v1/status")?.json()?;
        ensure(
            status["router"]["class"] == "deletable",
            status["router"].to_string(),
        )
    };
    eventually("the router's class is known", PATIENCE, class);
}

#[test]
fn a_router_that_keeps_a_dead_ones_port_for_ever_has_a_deputy_until_somebody_deletes_it() {
    let testbed = Testbed::with(Quirks {
        access: Access::Secure,
        leases: Leases::PermanentOnly,
        ..Quirks::igd2()
    });
    let mut fleet = fleet(&testbed, &["heartbeat"], "port-order");
    fleet[0].kill();
    let dead = fleet[0].address();
    let deputy = format!("http://{}:8081/", testbed.address(1));
    for camera in &fleet[1..] {
        eventually("a deputy that everybody's page names", PATIENCE, || {
            let status: Value = camera.get("/api/v1/status")?.json()?;
            let successor = &status["representative"]["successor"];
            ensure(
                successor["stage"] == "deputy",
                status["representative"].to_string(),
            )?;
            let page = camera.get("/")?.text();
            let remedy = format!("http://{}/", testbed.address(0));
            ensure(
                page.contains(&remedy) && page.contains(&dead.to_string()),
                page,
            )
        });
    }
    // The deputy's own port leads to the page of all.
    let page = testbed.get_outside(8081, "/").unwrap();
    assert!(page.contains("camera 4"), "{page}");
    let status: Value = fleet[2].get("/api/v1/status").unwrap().json().unwrap();
    assert_eq!(
        status["router"]["class"], "unknown",
        "only who has tried knows"
    );
    let others = fleet[2].get("/").unwrap().text();
    assert!(
        others.contains("camera 3"),
        "{others} names the deputy, {deputy}"
    );

    // Somebody does as the page says.
    testbed
        .router()
        .delete_by_hand(&testbed.entry(REPRESENTATIVE_PORT).unwrap());
    assert_eq!(
        successor(&testbed, &fleet),
        (1, "missed-heartbeats".to_owned())
    );
}

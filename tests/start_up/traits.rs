//! What a camera says that its router does unlike others.

use std::time::Duration;

use porthole_sim_router::{Quirks, named};
use serde_json::Value;

use crate::support::lab::Camera;
use crate::support::wait::eventually;
use crate::testbed::Testbed;

fn router(quirk: &str) -> Quirks {
    let mut quirks = Quirks::igd2();
    (named::find(quirk).unwrap().set)(&mut quirks);
    quirks
}

/// What it says of the router, once its class and one trait are these.
fn says(camera: &Camera, class: &str, name: &str) -> String {
    eventually(&format!("{class}, {name}"), Duration::from_mins(1), || {
        let status: Value = camera.get("/api/v1/status")?.json()?;
        let router = &status["router"];
        let traits = router["traits"].as_array().ok_or("no traits")?;
        let told = traits.iter().find(|told| told["name"] == name);
        let told = told.filter(|_| router["class"] == class);
        told.map(|told| format!("{} {}", told["words"], told["remedy"]))
            .ok_or_else(|| router.to_string())
    })
}

#[test]
fn a_router_that_cannot_be_read_has_a_class_of_its_own_and_says_what_is_not_certain() {
    for (quirk, name) in [
        ("lists-nothing", "shows-nothing"),
        ("client-mac", "hides-owners"),
    ] {
        let testbed = Testbed::with(router(quirk));
        let camera = testbed.camera(2, "Front door").start();
        let words = says(&camera, "unreadable", name);
        assert!(words.contains("rests on its refusals alone"), "{words}");
        camera.await_leadership();
        assert_eq!(camera.words().unwrap(), "", "it works all the same");
    }
}

#[test]
fn the_interruptions_where_leases_are_not_extended_are_told_and_measured() {
    let testbed = Testbed::with(router("renewal-keeps-end"));
    let camera = testbed.camera(2, "Front door");
    let camera = camera.set("router", "representative_lease", "12s").start();
    camera.await_leadership();
    eventually("a gap is over", Duration::from_mins(1), || {
        match camera.metric("porthole_representative_gap_seconds_count")? {
            0.0 => Err("none".to_owned()),
            _ => Ok(()),
        }
    });
    let words = says(&camera, "leased", "leases-run-out");
    assert!(words.contains(" ms every "), "{words}");
    assert!(words.contains("router.representative_lease"), "{words}");
    assert_eq!(camera.words().unwrap(), "", "nothing is wrong");
}

#[test]
fn a_router_that_writes_a_description_of_its_own_is_not_accused_of_another_program() {
    let testbed = Testbed::with(router("description-fixed"));
    let camera = testbed.camera(2, "Front door").start();
    camera.await_leadership();
    // Its table has been read since.
    says_nothing_once_read(&camera);
}

fn says_nothing_once_read(camera: &Camera) {
    eventually(
        "the table was read",
        Duration::from_secs(30),
        || match camera.metric("porthole_router_table_entries")? {
            0.0 => Err("not yet".to_owned()),
            _ => Ok(()),
        },
    );
    assert_eq!(camera.words().unwrap(), "");
}

#[test]
fn a_port_that_the_router_keeps_is_told_of_with_the_setting_that_helps() {
    let testbed = Testbed::with(router("reserved-representative-port"));
    let camera = testbed.camera(2, "Front door").start();
    let trait_words = says(&camera, "leased", "reserved-representative-port");
    assert!(
        trait_words.contains("router.representative_port"),
        "{trait_words}"
    );
}

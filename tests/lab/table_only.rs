//! Embodiment 3 and claim 5 with a real router: without any message on the LAN the page fills from
//! the router's table, with the names of the descriptions, and with nobody else's entries.

use std::time::Duration;

use serde_json::Value;

use crate::support::lab::{Lab, LabConfig, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::links;

/// What other programs write into the table; some of it looks much like a camera's.
const FOREIGN: [&str; 5] = [
    "Games console",
    "Portholes Ltd",
    "porthole Attic",
    "My Porthole Attic",
    "Porthole <b>Attic</b>",
];

#[test]
fn with_nothing_but_the_table_the_page_lists_the_cameras_by_their_descriptions_and_nobody_else() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let device = lab.neighbour();
    for (port, description) in (8100..).zip(FOREIGN) {
        let lease = Duration::from_mins(10);
        let added =
            lab.router
                .add_described(&device.namespace, device.address, port, lease, description);
        assert_eq!(added, Ok(()), "{description}");
    }
    let named = [
        (11, "Front door", 8080),
        (12, "Küche", 8081),
        (13, "Till", 8082),
    ];
    let fleet: Vec<_> = named
        .into_iter()
        .map(|(host, name, port)| {
            let camera = lab
                .camera(host, name)
                .set("lan", "enabled", false)
                .set("lan", "mdns", false)
                .start();
            camera.await_port(port);
            camera
        })
        .collect();
    let page = eventually("both others on the page from outside", PATIENCE, || {
        let page = lab.outside().get(&lab.external_url(8080))?;
        let (text, seen) = (page.text(), links(&page));
        // Nobody has heard them say themselves that they are cameras: a page stands before.
        let linked = text.matches("href=\"/leave?to=").count() == 2 && seen.is_empty();
        // A router's description is plain ASCII.
        let listed = linked && text.contains("Kuche") && text.contains("Till");
        ensure(listed, format!("{seen:?}")).map(|()| page)
    });
    let text = page.text();
    for foreign in ["console", "Portholes", "Attic", ":81"] {
        assert!(!text.contains(foreign), "{foreign} is on the page");
    }
    let fleet: Value = fleet[0].get("/api/v1/cameras").unwrap().json().unwrap();
    let cameras = fleet["cameras"].as_array().unwrap();
    assert_eq!(cameras.len(), 3, "{fleet}");
    for one in cameras.iter().filter(|one| one["self"] == false) {
        assert_eq!(one["verified"], false, "{one}");
        assert!(one["sources"]["table"].as_f64().is_some(), "{one}");
    }
    // They are all in the table that was read.
    assert_eq!(lab.router.entries().len(), 3 + FOREIGN.len());
}

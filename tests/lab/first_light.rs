//! The main job (claims 1, 2, 7, 16 to 19): one URL outside leads to every camera behind the
//! router.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::lab::{Camera, Client, Lab, LabConfig, PATIENCE, Role, Status};
use crate::support::wait::{ensure, eventually, eventually_every};
use crate::testbed::{NAMES, cameras, links, title};

const POLLS: &str = "porthole_router_poll_duration_seconds_count";

#[test]
fn one_url_leads_to_every_camera_and_a_new_one_is_on_the_page_at_the_next_poll() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 3, |setup| setup);
    let outside = lab.outside();
    let front_page = format!("{}/", lab.external_url(8080));

    let expected: BTreeSet<_> = [8081, 8082]
        .map(|port| format!("{}/", lab.external_url(port)))
        .into();
    eventually("the page links both others", PATIENCE, || {
        let links = links(&outside.get(&front_page)?);
        ensure(links.is_superset(&expected), format!("{links:?}"))
    });
    for (port, name) in (8080..).zip(NAMES) {
        shows_itself(&outside, &lab.external_url(port), name);
    }
    assert_eq!(fleet[0].status().unwrap().role, Role::Representative);
    for member in &fleet[1..] {
        assert_eq!(member.status().unwrap().role, Role::Member);
    }
    for camera in &fleet {
        lists_what_upnpc_lists(&lab, camera);
    }

    let fourth = lab.camera(14, "Yard").start();
    let table = lab.router.table();
    let mapped = eventually_every(
        Duration::from_millis(10),
        "the fourth is mapped",
        PATIENCE,
        || {
            let entry = table.entry(8083)?;
            ensure(entry.is_some(), "no entry").map(|()| Instant::now())
        },
    );
    let polls_before = fleet[0].metric(POLLS).unwrap();
    let link = format!("{}/", lab.external_url(8083));
    eventually_every(
        Duration::from_millis(10),
        "the fourth is on the page",
        PATIENCE,
        || {
            let links = links(&outside.get(&front_page)?);
            ensure(links.contains(&link), format!("{links:?}"))
        },
    );
    let took = mapped.elapsed();
    let polls = fleet[0].metric(POLLS).unwrap() - polls_before;
    println!(
        "figure: a new camera is on the page {took:?} after it was mapped, {polls} polls of 1 s"
    );
    // One poll interval and one second are two polls; a third may end between the page and the
    // count.
    assert!(polls <= 3.0, "{polls} polls");
    shows_itself(&outside, &lab.external_url(8083), "Yard");
    drop(fourth);
}

/// The page, the status and the picture behind this URL are this camera's own.
fn shows_itself(visitor: &Client, url: &str, name: &str) {
    let page = visitor.get(&format!("{url}/")).unwrap();
    assert_eq!(page.status, 200, "{url}: {}", page.text());
    assert!(title(&page).contains(name), "{url}: {}", title(&page));
    let status: Status = visitor
        .get(&format!("{url}/api/v1/status"))
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(status.name, name, "{url}");
    let size = eventually("a picture", PATIENCE, || {
        visitor.get(&format!("{url}/snapshot.jpg"))?.picture_size()
    });
    assert_eq!(size, (320, 240), "{url}");
}

/// `/api/v1/mappings` agrees with the independent client.
fn lists_what_upnpc_lists(lab: &Lab, camera: &Camera) {
    let table = lab.router.table();
    eventually("the table as upnpc reads it", PATIENCE, || {
        let listed: BTreeSet<_> = table
            .entries()?
            .into_iter()
            .map(|e| {
                let client = e.client.to_string();
                (
                    u64::from(e.external_port),
                    e.protocol,
                    client,
                    u64::from(e.internal_port),
                    e.description,
                )
            })
            .collect();
        let mappings: Value = camera.get("/api/v1/mappings")?.json()?;
        let shown: BTreeSet<_> = mappings["entries"]
            .as_array()
            .ok_or_else(|| mappings.to_string())?
            .iter()
            .map(|e| {
                let text = |key: &str| e[key].as_str().unwrap_or_default().to_owned();
                let number = |key: &str| e[key].as_u64().unwrap_or_default();
                let protocol = text("protocol").to_uppercase();
                (
                    number("external_port"),
                    protocol,
                    text("client"),
                    number("internal_port"),
                    text("description"),
                )
            })
            .collect();
        ensure(
            listed == shown,
            format!("upnpc {listed:?}, {} {shown:?}", camera.name),
        )
    });
}

//! How long a start takes, printed for people; nothing passes or fails by these figures.

use std::time::{Duration, Instant, SystemTime};

use crate::support::lab::{Camera, Lab, LabConfig, PATIENCE, Role};
use crate::support::wait::{ensure, eventually_every};

/// When the camera's log says this for the first time.
fn logged(camera: &Camera, message: &str) -> SystemTime {
    let log = camera.log_text();
    let line = log.lines().find(|line| line.contains(message));
    let line: serde_json::Value = serde_json::from_str(line.expect(message)).unwrap();
    humantime::parse_rfc3339(line["timestamp"].as_str().unwrap()).unwrap()
}

#[test]
fn a_start_goes_from_the_first_page_to_a_found_router_to_a_verified_mapping() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let setup = lab.camera(11, "Front door");
    let (start, clock) = (Instant::now(), SystemTime::now());
    let camera = setup.start();
    eventually_every(Duration::from_millis(2), "the first page", PATIENCE, || {
        let page = camera.get_by_loopback("/")?;
        ensure(page.status == 200, page.status)
    });
    let page = start.elapsed();
    assert_eq!(camera.await_leadership().role, Role::Representative);

    // The program's own log, to the microsecond: asking it from outside would be slower than what
    // is measured.
    let first = logged(&camera, "root/network/router started");
    let found = logged(&camera, "router found");
    let mapped = logged(&camera, "this server is the representative");
    let since = |from: SystemTime, to: SystemTime| to.duration_since(from).unwrap_or_default();
    println!(
        "figure: started after {:?} (namespace entered, program loaded), \
         first page after {page:?}; router found {:?} later, mapped and verified {:?} after that",
        since(clock, first),
        since(first, found),
        since(found, mapped),
    );
}

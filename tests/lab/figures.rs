//! How long a start takes, printed for people; nothing passes or fails by these figures.

use std::time::{Duration, Instant};

use crate::support::lab::{Lab, LabConfig, PATIENCE, Role, RouterState, Status};
use crate::support::wait::{ensure, eventually_every};

#[test]
fn a_start_goes_from_the_first_page_to_a_found_router_to_a_verified_mapping() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let setup = lab.camera(11, "Front door");
    let start = Instant::now();
    let camera = setup.start();
    let often = Duration::from_millis(2);
    let status = || -> Result<Status, String> { camera.get_by_loopback("/api/v1/status")?.json() };

    eventually_every(often, "the first page", PATIENCE, || {
        let page = camera.get_by_loopback("/")?;
        ensure(page.status == 200, page.status)
    });
    let page = start.elapsed();
    eventually_every(often, "the router is found", PATIENCE, || {
        let state = status()?.router.state;
        ensure(state == RouterState::Found, state)
    });
    let found = Instant::now();
    eventually_every(often, "mapped and verified", PATIENCE, || {
        let status = status()?;
        let mapped = status.role == Role::Representative && status.external_port() == Some(8080);
        ensure(mapped, format!("{status:?}"))
    });
    println!(
        "figure: first page after {page:?}, router found after {:?}, mapped and verified {:?} later",
        found.duration_since(start),
        found.elapsed()
    );
}

//! How a representative goes: cleanly, by a power cut and back, or for good.

use std::time::Duration;

use crate::support::lab::{Lab, LabConfig, PATIENCE, Role, Status};
use crate::support::wait::{Watch, ensure, eventually};
use crate::testbed::{NAMES, cameras};

#[test]
fn killed_and_started_within_its_lease_it_takes_up_its_own_mapping_and_term_again() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let mut fleet = cameras(&lab, 3, |setup| {
        setup.set("router", "representative_lease", "30s")
    });
    let before = fleet[0].await_leadership();
    let rules = lab.router.watch_rules();
    let table = lab.router.table();
    let entries = Watch::start(Duration::from_millis(100), move || table.entry(8080));

    fleet[0].kill();
    fleet[0].start();
    let after = fleet[0].await_leadership();
    assert_eq!((after.term, &after.id), (before.term, &before.id));
    // Until the others have read the router's table several times more.
    let polls = "porthole_router_poll_duration_seconds_count";
    for member in &fleet[1..] {
        let so_far = member.metric(polls).unwrap();
        eventually("three more polls", PATIENCE, || {
            let polls = member.metric(polls)?;
            ensure(polls >= so_far + 3.0, polls)
        });
        assert_eq!(member.status().unwrap().role, Role::Member);
    }
    for entry in entries.finish() {
        let holder = entry.unwrap().map(|entry| entry.client);
        assert_eq!(holder, Some(fleet[0].address()));
    }
    assert_eq!(rules.gone(), [""; 0], "mappings were released");
}

#[test]
fn when_the_representative_is_gone_for_good_another_takes_its_port_after_the_lease() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let mut fleet = cameras(&lab, 3, |setup| setup);
    let term = fleet[0].await_leadership().term;
    fleet[0].kill();

    let url = format!("{}/api/v1/status", lab.external_url(8080));
    let outside = lab.outside();
    let successor = eventually("8080 answers again", PATIENCE * 2, || {
        let status: Status = outside.get(&url)?.json()?;
        ensure(status.role == Role::Representative, format!("{status:?}")).map(|()| status)
    });
    assert!(
        NAMES[1..].contains(&successor.name.as_str()),
        "{}",
        successor.name
    );
    assert!(successor.term > term, "{successor:?} after term {term}");
    let representatives = fleet[1..]
        .iter()
        .filter(|camera| camera.status().unwrap().role == Role::Representative);
    assert_eq!(representatives.count(), 1);
}

#[test]
fn asked_to_end_it_deletes_its_mappings_and_ends_with_0() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    // With a lease that cannot run out meanwhile, what is gone was deleted.
    let mut fleet = cameras(&lab, 2, |setup| {
        setup.set("router", "representative_lease", "10m")
    });
    let addresses = [fleet[1].address(), fleet[0].address()];
    for (address, camera) in addresses.into_iter().zip(fleet.iter_mut().rev()) {
        assert_eq!(camera.terminate().code(), Some(0), "{}", camera.name);
        let left = lab.router.entries();
        assert!(left.iter().all(|entry| entry.client != address), "{left:?}");
    }
    assert_eq!(lab.router.entries(), []);
}

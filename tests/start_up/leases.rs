//! What routers make of the lease that was asked for: refused, cut short, made longer.

use std::num::NonZeroU32;
use std::time::Duration;

use porthole_sim_router::{Event, Leases, Quirks};

use crate::support::lab::{PATIENCE, Role};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed, await_requests, happened, left};

fn with(leases: Leases) -> Testbed {
    Testbed::with(Quirks {
        leases,
        ..Quirks::igd2()
    })
}

const fn seconds(seconds: u32) -> NonZeroU32 {
    NonZeroU32::new(seconds).unwrap()
}

#[test]
fn where_only_permanent_leases_are_granted_8080_is_held_without_writing_again() {
    let testbed = with(Leases::PermanentOnly);
    let mut events = testbed.router().events();
    let camera = testbed.camera(2, "Front door").start();
    let status = camera.await_leadership();
    let lease = status.lease.unwrap();
    assert_eq!(
        (lease.port, lease.granted_seconds),
        (REPRESENTATIVE_PORT, None)
    );
    assert_eq!(lease.expires_at, None, "what has no end does not expire");
    assert_eq!(
        testbed.await_entry(REPRESENTATIVE_PORT, &camera).lease_end,
        None
    );

    // Four looks of the representative, where a leased mapping would have been renewed.
    await_requests(&camera, "GetSpecificPortMappingEntry", 4);
    let after = camera.await_leadership();
    assert_eq!(after.term, status.term);
    assert_ne!(
        after.router.class, "leased",
        "nobody is freed of it by waiting"
    );
    let events = happened(&mut events);
    let [Event::Added(entry)] = &events[..] else {
        panic!("more than one write: {events:?}");
    };
    assert_eq!(entry.mapping.external_port.get(), REPRESENTATIVE_PORT);
}

#[test]
fn where_only_permanent_leases_are_granted_a_second_camera_has_a_port_as_well() {
    let testbed = with(Leases::PermanentOnly);
    let first = testbed.camera(2, "Front door").start();
    first.await_leadership();
    let second = testbed.camera(3, "Garden").start();
    let status = second.await_port(8081);
    assert_eq!(status.role, Role::Member);
    assert_eq!(status.lease.unwrap().granted_seconds, None);
    first.await_leadership();
}

#[test]
fn a_lease_that_the_router_cuts_short_is_renewed_in_time() {
    let testbed = with(Leases::Capped(seconds(4)));
    let mut events = testbed.router().events();
    let first = testbed.camera(2, "Front door").start();
    let status = first.await_leadership();
    assert_eq!(status.lease.unwrap().granted_seconds, Some(4));
    assert_eq!(status.router.class, "leased");
    let second = testbed.camera(3, "Garden").start();
    let member = second.await_port(8081);
    assert_eq!(member.lease.unwrap().granted_seconds, Some(4));

    await_requests(&first, "AddPortMapping", 6);
    await_requests(&second, "AddPortMapping", 3);
    assert_eq!(first.await_leadership().term, status.term);
    second.await_port(8081);
    let lost: Vec<_> = happened(&mut events)
        .into_iter()
        .filter(|event| matches!(event, Event::Expired(_) | Event::Deleted(_)))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn what_was_learned_of_the_router_outlives_a_crash_of_its_actor() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = testbed.camera(2, "Front door").start();
    assert_eq!(camera.await_leadership().router.class, "leased");
    let restarts = "porthole_actor_restarts_total{actor=\"router\"}";
    camera.crash("router");
    eventually("the actor runs again", PATIENCE, || {
        assert_eq!(camera.status()?.router.class, "leased");
        let count = camera.metric(restarts)?;
        ensure(count >= 1.0, count)
    });
    await_requests(&camera, "GetExternalIPAddress", 2);
    assert_eq!(camera.status().unwrap().router.class, "leased");
}

#[test]
fn a_lease_that_the_router_makes_longer_does_not_make_the_representative_believe_longer() {
    const DAY: u32 = 86_400;
    let testbed = with(Leases::AtLeast(seconds(DAY)));
    let camera = testbed.camera(2, "Front door").start();
    let status = camera.await_leadership();
    let lease = status.lease.unwrap();
    assert_eq!(lease.granted_seconds, Some(DAY));
    let entry = testbed.await_entry(REPRESENTATIVE_PORT, &camera);
    assert!(left(&entry).unwrap() > Duration::from_secs(u64::from(DAY) - 600));
    // A day is too long to wait for a dead camera's port.
    assert_ne!(status.router.class, "leased");

    // Its own deadline is that of the lease it asked for: it goes on asking as often.
    await_requests(&camera, "AddPortMapping", 3);
    assert_eq!(camera.await_leadership().term, status.term);
    let mut testbed = testbed;
    testbed.remove_router();
    camera.await_status("believes no more", PATIENCE, |status| {
        status.role != Role::Representative
    });
}

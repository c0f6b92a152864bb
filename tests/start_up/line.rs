//! The router and its line to the Internet come and go.

use std::net::Ipv4Addr;

use porthole::tree::EXIT_LEFT_BEHIND;
use porthole_sim_router::{DeleteMissing, Quirks, Wan};

use crate::support::lab::{CameraSetup, PATIENCE, Role, RouterState};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{REPRESENTATIVE_PORT, Testbed, await_log, await_requests, serves_the_lan};

#[test]
fn with_the_line_down_it_says_so_and_serves_the_lan_until_the_line_is_up_again() {
    let testbed = Testbed::with(Quirks::igd2());
    let camera = testbed.camera(2, "Front door").start();
    let url = camera.await_leadership().external_url;

    testbed.set_wan(Wan::Down);
    println!("words: {}", camera.await_words(&["internet line", "down"]));
    let status = camera.await_status("no URL from outside", PATIENCE, |status| {
        status.external_url.is_none()
    });
    assert_eq!(status.router.state, RouterState::Found);
    assert_eq!(status.router.external_address, None);
    serves_the_lan(&camera);
    // Its renewals are refused: by its own clock its leadership ends.
    camera.await_status("believes no more", PATIENCE, |status| {
        status.role != Role::Representative
    });

    testbed.set_wan(Wan::Up);
    assert_eq!(camera.await_leadership().external_url, url);
    eventually("reached from outside", PATIENCE, || {
        testbed.get_outside(REPRESENTATIVE_PORT, "/healthz")
    });
    eventually("nothing to complain of", PATIENCE, || {
        let words = camera.words()?;
        if words.is_empty() { Ok(()) } else { Err(words) }
    });
}

#[test]
fn a_line_that_is_down_at_the_start_is_told_of() {
    let testbed = Testbed::with(Quirks::igd2());
    testbed.set_wan(Wan::Down);
    let camera = testbed.camera(2, "Front door").start();
    camera.await_words(&["internet line", "down"]);
    serves_the_lan(&camera);
    testbed.set_wan(Wan::Up);
    camera.await_leadership();
}

#[test]
fn without_a_router_it_serves_the_lan_and_when_one_is_plugged_in_it_is_mapped() {
    let mut testbed = Testbed::without_router();
    let camera = testbed.camera(2, "Front door").start();
    serves_the_lan(&camera);
    println!("words: {}", camera.await_words(&["router", "upnp"]));
    let status = camera.status().unwrap();
    assert_eq!(status.router.state, RouterState::Searching);
    assert_eq!((status.role, status.external_url), (Role::Alone, None));
    let ready = camera.get("/readyz").unwrap();
    assert_eq!(ready.status, 200, "{}", ready.text());

    testbed.start_router(Quirks::igd2());
    camera.await_leadership();
    testbed.await_entry(REPRESENTATIVE_PORT, &camera);
    assert_eq!(camera.words().unwrap(), "");
}

#[test]
fn after_a_reboot_of_the_router_it_is_mapped_again_in_the_same_term() {
    let mut testbed = Testbed::with(Quirks::igd2());
    // Long enough that the reboot is over before the leadership ends by the camera's own clock.
    let setup = testbed.camera(2, "Front door");
    let camera = setup.set("router", "representative_lease", "10m").start();
    let before = camera.await_leadership();
    let changes = camera.metric("porthole_representative_changes_total");

    testbed.reboot_router();
    assert_eq!(testbed.router().table(), []);
    testbed.await_entry(REPRESENTATIVE_PORT, &camera);
    let after = camera.await_leadership();
    assert_eq!(after.term, before.term);
    assert_eq!(
        camera.metric("porthole_representative_changes_total"),
        changes
    );
    eventually("reached from outside", PATIENCE, || {
        testbed.get_outside(REPRESENTATIVE_PORT, "/healthz")
    });
}

#[test]
fn when_the_routers_address_on_the_internet_changes_page_and_api_show_the_new_one() {
    let mut testbed = Testbed::with(Quirks::igd2());
    let first = testbed.camera(2, "Front door").start();
    let before = first.await_leadership();
    let second = testbed.camera(3, "Garden").start();
    second.await_port(8081);

    let moved = Ipv4Addr::new(60, 120, 76, 65);
    testbed.set_external(moved);
    for (camera, port) in [(&first, REPRESENTATIVE_PORT), (&second, 8081)] {
        let url = format!("http://{moved}:{port}/");
        let status = camera.await_status("has the new address", PATIENCE, |status| {
            status.external_url.as_deref() == Some(&*url)
        });
        assert_eq!(
            status.router.external_address.as_deref(),
            Some(&*moved.to_string())
        );
    }
    for port in [REPRESENTATIVE_PORT, 8081] {
        let url = format!("http://{moved}:{port}/");
        eventually("the list of cameras has the new URL", PATIENCE, || {
            let list = first.get("/api/v1/cameras")?.text();
            ensure(list.contains(&url), list)
        });
    }
    eventually(
        "the page of a visitor from outside links it",
        PATIENCE,
        || {
            let page = testbed.get_outside(REPRESENTATIVE_PORT, "/")?;
            ensure(page.contains(&format!("http://{moved}:8081/")), page)
        },
    );
    let after = first.status().unwrap();
    assert_eq!((after.role, after.term), (before.role, before.term));
}

#[test]
fn an_answer_of_the_router_that_is_lost_changes_nothing() {
    let testbed = Testbed::with(Quirks::igd2());
    // Renewed every 10 s; a lost answer costs the 5 s until it is given up.
    let setup = testbed.camera(2, "Front door");
    let camera = setup.set("router", "representative_lease", "40s").start();
    let before = camera.await_leadership();
    let changes = camera.metric("porthole_representative_changes_total");

    testbed.router().lose_answers(1);
    let failed =
        "porthole_router_request_failures_total{action=\"AddPortMapping\",code=\"timed_out\"}";
    eventually("an answer is lost", PATIENCE, || {
        let count = camera.metric(failed)?;
        ensure(count >= 1.0, count)
    });
    await_requests(&camera, "AddPortMapping", 1);
    let after = camera.await_leadership();
    assert_eq!(after.term, before.term);
    assert_eq!(
        camera.metric("porthole_representative_changes_total"),
        changes
    );
}

#[test]
fn when_the_router_goes_it_says_so_and_believes_no_longer_than_its_lease() {
    let mut testbed = Testbed::with(Quirks::igd2());
    let camera = testbed.camera(2, "Front door").start();
    let before = camera.await_leadership();
    testbed.remove_router();
    camera.await_status("has lost the router", PATIENCE, |status| {
        status.router.state == RouterState::Lost
    });
    camera.await_words(&["router"]);
    camera.await_status("believes no more", PATIENCE, |status| {
        status.role == Role::Alone
    });
    serves_the_lan(&camera);

    testbed.start_router(Quirks::igd2());
    assert!(camera.await_leadership().term > before.term);
}

/// Asked to end, it takes back what it has mapped and ends well, whatever the router says.
#[track_caller]
fn leaves_well(testbed: &Testbed, setup: CameraSetup, meanwhile: impl FnOnce(&Testbed)) {
    // Nothing is renewed or read while the test changes the table behind the camera's back.
    let setup =
        setup
            .set("router", "representative_lease", "10m")
            .set("router", "poll_interval", "10m");
    let mut camera = setup.start();
    camera.await_leadership();
    meanwhile(testbed);
    let end = camera.terminate();
    assert_eq!(end.code(), Some(0), "{end}");
    let log = camera.log_text();
    assert!(log.contains("asked to end"), "{log}");
    assert!(!log.contains("did not end in time"), "{log}");
    assert!(!log.contains("leaving without"), "{log}");
    assert!(testbed.entry(REPRESENTATIVE_PORT).is_none());
}

#[test]
fn asked_to_end_it_takes_its_mapping_back() {
    let testbed = Testbed::with(Quirks::igd2());
    leaves_well(&testbed, testbed.camera(2, "Front door"), |_| {});
}

#[test]
fn asked_to_end_it_does_not_mind_that_its_mapping_is_gone_already() {
    for delete_missing in [DeleteMissing::Refuse, DeleteMissing::SayOk] {
        let testbed = Testbed::with(Quirks {
            delete_missing,
            ..Quirks::igd2()
        });
        leaves_well(&testbed, testbed.camera(2, "Front door"), |testbed| {
            testbed.console_deletes(REPRESENTATIVE_PORT).unwrap();
        });
    }
}

#[test]
fn asked_to_end_it_leaves_the_mapping_of_a_stranger_alone() {
    let testbed = Testbed::with(Quirks::igd2());
    let setup = testbed.camera(2, "Front door");
    let mut camera = setup
        .set("router", "representative_lease", "10m")
        .set("router", "poll_interval", "10m")
        .start();
    camera.await_leadership();
    testbed.put_console(REPRESENTATIVE_PORT);
    assert_eq!(camera.terminate().code(), Some(0));
    assert_eq!(
        testbed.entry(REPRESENTATIVE_PORT).unwrap().mapping.client,
        testbed.console()
    );
}

#[test]
fn asked_to_end_when_the_router_is_gone_it_ends_all_the_same() {
    let mut testbed = Testbed::with(Quirks::igd2());
    let mut camera = testbed.camera(2, "Front door").start();
    camera.await_leadership();
    testbed.remove_router();
    // And says that nobody has told it that its mapping is gone.
    assert_eq!(camera.terminate().code(), Some(EXIT_LEFT_BEHIND));
}

#[test]
fn killed_and_started_again_it_takes_its_own_mapping_up_in_the_same_term() {
    let testbed = Testbed::with(Quirks::igd2());
    let setup = testbed.camera(2, "Front door");
    let mut camera = setup.set("router", "representative_lease", "10m").start();
    let before = camera.await_leadership();
    camera.kill();
    camera.start();
    let after = camera.await_leadership();
    assert_eq!((after.id, after.term), (before.id, before.term));
    await_log(&camera, "this server is the representative");
    await_requests(&camera, "GetExternalIPAddress", 2);
    assert_eq!(camera.status().unwrap().term, before.term);
}

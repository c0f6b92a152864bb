//! What goes wrong with routers at the start and later: the camera goes on serving, and says what
//! is wrong.

use std::time::Duration;

use crate::support::lab::{Camera, Lab, LabConfig, PATIENCE, Role, RouterState, Wan};
use crate::support::wait::{ensure, eventually};
use crate::testbed::cameras;

const LONG: Duration = Duration::from_hours(1);

/// Some other device of the testbed takes these ports first.
fn take_ports(lab: &Lab, ports: impl IntoIterator<Item = u16>) {
    let console = lab.neighbour();
    for port in ports {
        let taken = lab
            .router
            .add(&console.namespace, console.address, port, LONG);
        taken.expect("the console maps a port");
    }
}

/// Its page and its picture are there for the LAN.
#[track_caller]
fn serves_the_lan(camera: &Camera) {
    let page = eventually("the page", PATIENCE, || camera.get("/"));
    assert_eq!(page.status, 200, "{}", page.text());
    eventually("a picture", PATIENCE, || {
        camera.get("/snapshot.jpg")?.picture_size()
    });
}

#[test]
fn a_port_that_another_device_holds_is_passed_over() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    take_ports(&lab, [8081]);
    let first = lab.camera(11, "Front door").start();
    first.await_leadership();
    let second = lab.camera(12, "Garden").start();
    second.await_port(8082);
    let url = format!("{}/snapshot.jpg", lab.external_url(8082));
    eventually("a picture through 8082", PATIENCE, || {
        lab.outside().get(&url)?.picture_size()
    });
}

#[test]
fn when_another_device_holds_8080_the_camera_takes_another_port_and_says_so() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    take_ports(&lab, [8080]);
    let camera = lab.camera(11, "Front door").start();
    let status = camera.await_port(8081);
    assert_ne!(status.role, Role::Representative);
    println!("words: {}", camera.await_words(&["8080"]));
}

#[test]
fn when_the_whole_range_is_taken_it_says_so_and_serves_the_lan() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    take_ports(&lab, [8081, 8082]);
    let small =
        |setup: crate::support::lab::CameraSetup| setup.set("router", "port_range", "8081-8082");
    let first = small(lab.camera(11, "Front door")).start();
    first.await_leadership();
    let second = small(lab.camera(12, "Garden")).start();
    println!("words: {}", second.await_words(&["8081", "8082"]));
    assert_eq!(second.status().unwrap().external_url, None);
    serves_the_lan(&second);

    let console = lab.neighbour();
    lab.router.delete(&console.namespace, 8082).unwrap();
    second.await_port(8082);
}

#[test]
fn without_a_router_it_serves_the_lan_says_why_and_keeps_looking() {
    let Some(mut lab) = Lab::open_without_router(LabConfig::default()) else {
        return;
    };
    let camera = lab.camera(11, "Front door").start();
    serves_the_lan(&camera);
    println!("words: {}", camera.await_words(&["router"]));
    let status = camera.status().unwrap();
    assert_eq!(status.router.state, RouterState::Searching);
    assert_eq!(status.external_url, None);

    lab.router.start();
    camera.await_leadership();
    let words = camera.words().unwrap();
    assert!(!words.to_lowercase().contains("no router"), "{words}");
}

#[test]
fn a_router_that_goes_is_told_of_and_when_it_is_back_all_is_mapped_again() {
    let Some(mut lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 2, |setup| setup);
    lab.router.stop();
    fleet[0].await_status("has lost the router", PATIENCE, |status| {
        status.router.state == RouterState::Lost
    });
    println!("words: {}", fleet[0].await_words(&["router"]));
    // Its lease cannot be renewed: at its own deadline the representative stops believing.
    fleet[0].await_status("gives up leadership", PATIENCE, |status| {
        status.role != Role::Representative
    });
    serves_the_lan(&fleet[0]);

    lab.router.forget();
    lab.router.start();
    await_both(&lab, &fleet);
}

#[test]
fn a_router_that_answers_on_another_port_is_found_again() {
    let Some(mut lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 1, |setup| setup);
    lab.router.move_to_port(5999);
    let table = lab.router.table();
    // What is left of a lease only falls, until it is renewed.
    let mut lowest = u32::MAX;
    eventually("renewed at the new place", PATIENCE, || {
        let left = table.entry(8080)?.ok_or("no entry")?.lease_seconds;
        lowest = lowest.min(left);
        ensure(left > lowest, format!("{left} s left"))
    });
    let status = fleet[0].await_leadership();
    assert_eq!(status.router.state, RouterState::Found);
}

#[test]
fn a_reboot_of_the_router_loses_the_table_and_every_camera_maps_itself_again() {
    let Some(mut lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 2, |setup| setup);
    lab.router.reboot();
    await_both(&lab, &fleet);
}

/// Two cameras are mapped, one of them on 8080, and both answer outside.
#[track_caller]
fn await_both(lab: &Lab, fleet: &[Camera]) {
    let table = lab.router.table();
    eventually("both cameras are in the table again", PATIENCE * 2, || {
        let entries = table.entries()?;
        let has = |camera: &Camera| entries.iter().any(|entry| entry.client == camera.address());
        let represented = entries.iter().any(|entry| entry.external_port == 8080);
        ensure(represented && fleet.iter().all(has), format!("{entries:?}"))
    });
    for entry in lab.router.entries() {
        let url = format!("{}/api/v1/status", lab.external_url(entry.external_port));
        let answer = lab.outside().get(&url).unwrap();
        assert_eq!(answer.status, 200, "{url}");
    }
}

#[test]
fn behind_two_routers_it_says_double_nat_and_serves_the_lan() {
    let Some(lab) = Lab::open(LabConfig {
        wan: Wan::Private,
        ..LabConfig::default()
    }) else {
        return;
    };
    let camera = lab.camera(11, "Front door").start();
    println!("words: {}", camera.await_words(&["double nat"]));
    serves_the_lan(&camera);
    assert_ne!(camera.status().unwrap().role, Role::Representative);
}

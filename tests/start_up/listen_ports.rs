//! A port belongs to another program: the machine's own, or the router's.

use std::net::TcpListener;

use porthole_sim_router::Quirks;

use crate::support::lab::PATIENCE;
use crate::support::wait::eventually;
use crate::testbed::{
    REPRESENTATIVE_PORT, Testbed, await_log, await_requests, happened, serves_the_lan,
};

#[test]
fn a_port_that_another_program_has_is_told_of_and_taken_when_it_is_free() {
    let testbed = Testbed::with(Quirks::igd2());
    let mut events = testbed.router().events();
    let address = testbed.address(2);
    let other = TcpListener::bind((address, 8080)).unwrap();
    let mut camera = testbed.camera(2, "Front door").start();
    await_log(&camera, &format!("cannot listen on {address}:8080"));
    await_log(&camera, "Address already in use");
    await_log(&camera, "router found");
    camera.expect_running();
    let log = camera.log_text();
    assert!(!log.contains("every port is taken"), "{log}");
    let mapped = happened(&mut events);
    assert!(mapped.is_empty(), "mapped to a closed door: {mapped:?}");

    drop(other);
    serves_the_lan(&camera);
    camera.await_leadership();
    eventually("reached from outside", PATIENCE, || {
        testbed.get_outside(REPRESENTATIVE_PORT, "/healthz")
    });
    await_requests(&camera, "GetExternalIPAddress", 1);
    let log = camera.log_text();
    assert!(!log.contains("every port is taken"), "{log}");
    assert_eq!(
        log.matches("cannot listen on").count(),
        1,
        "said once, not each second: {log}"
    );
}

#[test]
fn a_port_that_the_router_itself_uses_is_passed_over() {
    let testbed = Testbed::with(Quirks::igd2());
    // What listens on the router's Internet side is in the way of a mapping: it refuses with 729.
    let _own_page = TcpListener::bind((testbed.address(1), 8081)).unwrap();
    let first = testbed.camera(2, "Front door").start();
    first.await_leadership();
    let second = testbed.camera(3, "Garden").start();
    second.await_port(8082);
}

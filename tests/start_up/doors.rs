//! The machine's own port belongs to another program.

use std::net::TcpListener;

use porthole::sim::Quirks;

use crate::house::{House, OFFICE, await_log, await_requests, happened, serves_the_lan};
use crate::support::lab::PATIENCE;
use crate::support::wait::eventually;

#[test]
fn a_port_that_another_program_has_is_told_of_and_taken_when_it_is_free() {
    let house = House::with(Quirks::igd2());
    let mut events = house.router().events();
    let address = house.address(2);
    let other = TcpListener::bind((address, 8080)).unwrap();
    let mut camera = house.camera(2, "Front door").start();
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
    camera.await_office();
    eventually("reached from outside", PATIENCE, || {
        house.get_outside(OFFICE, "/healthz")
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

//! What is no HTTP, a lot of it: it does not push everything else out of the log.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::people::{setup, start};
use crate::support::lab::{Camera, PATIENCE};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{Testbed, await_log};

fn send_garbage(camera: &Camera) {
    let mut connection = TcpStream::connect((camera.address(), 8080)).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(b"\x16\x03 garbage\r\n\r\n").unwrap();
    // Until it is refused, and counted.
    let _ = connection.read_to_end(&mut Vec::new());
}

#[test]
fn three_hundred_garbage_requests_are_a_line_or_two_in_the_log_and_a_number() {
    let testbed = Testbed::without_router();
    let camera = start(setup(&testbed, 2));
    for _ in 0..300 {
        send_garbage(&camera);
    }
    eventually("all of them are counted", PATIENCE, || {
        let count = camera.metric("porthole_http_malformed_requests_total")?;
        ensure(count >= 300.0, count)
    });
    await_log(&camera, "requests that are no HTTP came");
    let log = camera.log_text();
    assert!(!log.contains("actix_http"), "{log}");
    // The first is told at once, the others with a number a minute later.
    let told = log.matches("requests that are no HTTP came").count();
    assert!(told <= 2, "{told} lines");
}

//! The address of a camera's own interface: awaited at the start (¶41), and followed when it
//! changes.

use std::net::Ipv4Addr;

use crate::support::lab::{Lab, LabConfig, PATIENCE, Status};
use crate::support::wait::{ensure, eventually};

#[test]
fn it_waits_for_an_address_and_its_mapping_follows_when_that_changes() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let host = lab.host_without_address(11);
    let mut camera = lab.camera_on(host.clone(), "Front door").start();
    let status = eventually("it waits", PATIENCE, || {
        let status: Status = camera.get_by_loopback("/api/v1/status")?.json()?;
        ensure(status.router.problem.is_some(), format!("{status:?}")).map(|()| status)
    });
    println!("words: {:?}", status.router.problem);
    assert_eq!((status.lan_url, status.external_url), (None, None));

    host.take_address(host.address);
    camera.await_leadership();

    let moved = Ipv4Addr::new(192, 168, 77, 21);
    camera.move_to(moved);
    let table = lab.router.table();
    eventually("only the new address is mapped", PATIENCE * 2, || {
        let entries = table.entries()?;
        let follows = !entries.is_empty() && entries.iter().all(|entry| entry.client == moved);
        ensure(follows, format!("{entries:?}"))
    });
    let status = camera.await_leadership();
    let lan_url = status.lan_url.unwrap_or_default();
    assert_eq!(
        lan_url.trim_end_matches('/'),
        format!("http://{moved}:8080")
    );
    let url = format!("{}/snapshot.jpg", lab.external_url(8080));
    lab.outside().get(&url).unwrap().picture_size().unwrap();
}

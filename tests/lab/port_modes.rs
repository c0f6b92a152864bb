//! Both of Fig. 8, a domain name in the links (¶44, ¶51), and LAN links for visitors on the LAN.

use crate::support::lab::{Camera, Client, Lab, LabConfig, PATIENCE, Status};
use crate::support::wait::{ensure, eventually};
use crate::testbed::{NAMES, cameras, links};

/// Waits until the page at `url` has these links, for this visitor.
fn await_links(visitor: &Client, url: &str, expected: &[String]) {
    eventually(&format!("{url} links {expected:?}"), PATIENCE, || {
        let links = links(&visitor.get(url)?);
        ensure(
            expected.iter().all(|link| links.contains(link)),
            format!("{links:?}"),
        )
    });
}

#[test]
fn in_separate_mode_all_listen_on_one_port_and_visitors_on_the_lan_get_lan_links() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 3, |setup| {
        setup.set("router", "port_mode", "separate")
    });
    let internal: Vec<_> = lab
        .router
        .entries()
        .iter()
        .map(|e| e.internal_port)
        .collect();
    assert_eq!(internal, [8080, 8080, 8080]);
    let others: Vec<_> = fleet[1..]
        .iter()
        .map(|camera| format!("http://{}:8080/", camera.address()))
        .collect();
    let front = format!("http://{}:8080/", fleet[0].address());
    await_links(&lab.inside(), &front, &others);
}

#[test]
fn in_common_mode_each_listens_on_the_port_that_it_has_outside() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 3, |setup| setup.set("router", "port_mode", "common"));
    for (entry, external) in lab.router.entries().iter().zip(8080..) {
        assert_eq!(
            (entry.external_port, entry.internal_port),
            (external, external),
            "{entry}"
        );
    }
    let outside: Vec<_> = [8081, 8082]
        .map(|port| format!("{}/", lab.external_url(port)))
        .into();
    await_links(
        &lab.outside(),
        &format!("{}/", lab.external_url(8080)),
        &outside,
    );
    let lan_url = |camera: &Camera, port: u16| format!("http://{}:{port}/", camera.address());
    let inside: Vec<_> = fleet[1..]
        .iter()
        .zip(8081..)
        .map(|(camera, port)| lan_url(camera, port))
        .collect();
    await_links(&lab.inside(), &lan_url(&fleet[0], 8080), &inside);

    let everywhere = outside.iter().map(|url| (lab.outside(), url));
    let everywhere = everywhere.chain(inside.iter().map(|url| (lab.inside(), url)));
    for ((visitor, url), name) in everywhere.zip(NAMES[1..].iter().cycle()) {
        let status: Status = visitor
            .get(&format!("{url}api/v1/status"))
            .unwrap()
            .json()
            .unwrap();
        assert_eq!(status.name, *name, "{url}");
    }
}

#[test]
fn a_configured_domain_name_stands_in_the_links() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let fleet = cameras(&lab, 3, |setup| {
        setup.set("router", "external_host", "cams.example.org")
    });
    let others = [8081, 8082].map(|port| format!("http://cams.example.org:{port}/"));
    await_links(
        &lab.outside(),
        &format!("{}/", lab.external_url(8080)),
        &others,
    );
    let url = fleet[0].status().unwrap().external_url.unwrap();
    assert_eq!(url.trim_end_matches('/'), "http://cams.example.org:8080");
}

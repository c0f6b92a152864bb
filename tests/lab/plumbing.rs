//! The lab itself, without any camera: that its router forwards, refuses and forgets as a real one
//! does.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use crate::support::lab::{Lab, LabConfig, Namespace, SecureMode, Wan};
use crate::support::wait::{ensure, eventually};

const LONG: Duration = Duration::from_mins(10);
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers one visitor on port 9000, where the mappings of the console lead.
fn answer_once(place: &Namespace) -> thread::JoinHandle<()> {
    let listener = place.run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 9000)));
    let listener = listener.expect("port 9000 is free");
    thread::spawn(move || {
        let (mut visitor, _) = listener.accept().expect("a visitor");
        visitor
            .write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            .expect("the visitor listens");
    })
}

#[test]
fn a_visitor_outside_reaches_what_is_mapped_and_nothing_else() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let host = lab.host(11);
    let outside = lab.outside();
    let served = answer_once(&host.namespace);
    assert!(outside.get(&lab.external_url(8080)).is_err());

    let added = lab.router.add(&host.namespace, host.address, 8080, LONG);
    added.expect("a host may map for itself");
    let answer = outside.get(&lab.external_url(8080)).expect("an answer");
    assert_eq!(answer.text(), "hello");
    served.join().expect("one visitor was served");

    let [entry] = &lab.router.entries()[..] else {
        panic!("one entry, not {:?}", lab.router.entries());
    };
    assert_eq!((entry.external_port, entry.client), (8080, host.address));
    assert_eq!(
        (entry.internal_port, entry.protocol.as_str()),
        (9000, "TCP")
    );
    assert_eq!(entry.description, "Games console");
}

#[test]
fn in_secure_mode_a_host_touches_only_its_own_mappings() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let (one, other) = (lab.host(11), lab.host(12));
    let router = &lab.router;
    let own = router.add(&one.namespace, one.address, 8080, LONG);
    own.expect("a host may map for itself");

    let taken = router.add(&other.namespace, other.address, 8080, LONG);
    assert!(
        taken.as_ref().is_err_and(|e| e.contains("718")),
        "{taken:?}"
    );
    let foreign = router.add(&other.namespace, one.address, 8081, LONG);
    assert!(
        foreign.as_ref().is_err_and(|e| e.contains("718")),
        "{foreign:?}"
    );
    let deleted = router.delete(&other.namespace, 8080);
    assert!(
        deleted.as_ref().is_err_and(|e| e.contains("606")),
        "{deleted:?}"
    );

    router.delete(&one.namespace, 8080).expect("its own");
    assert_eq!(router.entries(), []);
}

#[test]
fn without_secure_mode_a_host_may_delete_for_another() {
    let Some(lab) = Lab::open(LabConfig {
        secure_mode: SecureMode::Off,
        ..LabConfig::default()
    }) else {
        return;
    };
    let (one, other) = (lab.host(11), lab.host(12));
    let router = &lab.router;
    let own = router.add(&one.namespace, one.address, 8080, LONG);
    own.expect("a host may map for itself");
    router.delete(&other.namespace, 8080).expect("anybody may");
    assert_eq!(router.entries(), []);
}

#[test]
fn a_lease_of_seconds_ends_and_a_reboot_loses_all() {
    let Some(mut lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let host = lab.host(11);
    for (port, lease) in [(8080, Duration::from_secs(2)), (8081, LONG)] {
        let added = lab.router.add(&host.namespace, host.address, port, lease);
        added.expect("a host may map for itself");
    }
    let table = lab.router.table();
    eventually("the short lease ends", PATIENCE, || {
        let entry = table.entry(8080)?;
        ensure(entry.is_none(), format!("{entry:?}"))
    });
    assert_eq!(lab.router.entries().len(), 1, "the long lease stays");

    lab.router.move_to_port(5001);
    assert_eq!(lab.router.entries().len(), 1, "a restart keeps the table");
    assert!(table.entries().is_err(), "nobody answers where it was");

    lab.router.reboot();
    assert_eq!(lab.router.entries(), [], "a reboot does not");
}

#[test]
fn a_mapping_that_goes_is_heard_of_and_one_that_is_renewed_never_went() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let (router, host) = (&lab.router, lab.host(11));
    let rules = router.watch_rules();
    for _ in 0..2 {
        let added = router.add(&host.namespace, host.address, 8080, LONG);
        added.expect("a host may map for itself, and again");
    }
    assert_eq!(router.entries().len(), 1);
    assert_eq!(rules.gone(), [""; 0]);

    router.delete(&host.namespace, 8080).expect("its own");
    eventually("its rules went", PATIENCE, || {
        let gone = rules.gone();
        // One that forwards, one that lets through.
        ensure(gone.len() == 2, format!("{gone:?}"))
    });
}

#[test]
fn a_router_behind_another_one_does_not_map() {
    let Some(lab) = Lab::open(LabConfig {
        wan: Wan::Private,
        ..LabConfig::default()
    }) else {
        return;
    };
    let host = lab.host(11);
    let added = lab.router.add(&host.namespace, host.address, 8080, LONG);
    assert!(added.is_err(), "{:?}", lab.router.entries());
}

#[test]
fn labs_are_apart_and_leave_nothing_behind() {
    let (Some(lab), Some(other)) = (
        Lab::open(LabConfig::default()),
        Lab::open_without_router(LabConfig::default()),
    ) else {
        return;
    };
    let host = lab.host(11);
    let same = other.host(11);
    let neighbour = other.inside();
    drop(answer_once(&host.namespace));
    assert!(
        neighbour.get("http://192.168.77.11:9000/").is_err(),
        "the other lab's host of this address serves nothing"
    );

    let visit = || lab.inside().get("http://192.168.77.11:9000/");
    host.unplug();
    assert!(visit().is_err());
    host.plug_in();
    assert_eq!(visit().expect("the cable is back").text(), "hello");

    let names = [
        host.namespace.name().to_owned(),
        same.namespace.name().to_owned(),
    ];
    drop((lab, other));
    for name in names {
        assert!(
            !std::path::Path::new("/run/netns").join(&name).exists(),
            "{name}"
        );
    }
}

//! `porthole doctor` names what a router does unlike others, and leaves nothing behind on it.

use std::path::Path;
use std::time::Duration;

use porthole_sim_router::{Quirks, named};

use crate::testbed::{Testbed, porthole_with, serves_the_lan};

/// A router with these quirks besides the usual habits.
fn router(quirks: &[&str]) -> Quirks {
    let mut all = Quirks::igd2();
    for name in quirks {
        let quirk = named::find(name).unwrap_or_else(|| panic!("no quirk {name}"));
        (quirk.set)(&mut all);
    }
    all
}

/// What doctor says of the router, and its exit code.
fn examined(testbed: &Testbed, options: &[&str]) -> (Option<i32>, String) {
    let camera = testbed.camera(2, "Front door").install();
    let told = doctor(&camera.settings(), options);
    assert_eq!(
        testbed.router().table(),
        [],
        "the trials are over: {told:?}"
    );
    told
}

fn doctor(settings: &Path, options: &[&str]) -> (Option<i32>, String) {
    let told = porthole_with("doctor", settings, options);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let words = text(&told.stdout) + &text(&told.stderr);
    println!("{words}");
    (told.status.code(), words)
}

/// The traits that doctor names, in its order.
fn named(words: &str) -> Vec<&str> {
    words
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once(": "))
        .map(|(name, _)| name)
        .filter(|name| name.contains('-') && !name.contains(' '))
        .collect()
}

/// That doctor names this of a router with these quirks, and nothing else.
fn names(quirks: &[&str], expected: &[&str], words: &[&str]) {
    let testbed = Testbed::with(router(quirks));
    let (code, told) = examined(&testbed, &[]);
    assert_eq!(named(&told), expected, "{quirks:?}: {told}");
    assert_eq!(code, Some(0), "cameras get ports all the same: {told}");
    for word in words {
        assert!(told.contains(word), "{quirks:?}: no {word:?} in {told}");
    }
}

#[test]
fn nothing_is_odd_about_an_ordinary_router() {
    names(&[], &[], &["A renewal extends the lease."]);
    names(&["igd1"], &[], &["A renewal extends the lease."]);
}

#[test]
fn a_router_that_does_not_show_whose_its_mappings_are() {
    names(&["client-host-name"], &["hides-owners"], &["a name"]);
    names(&["client-mac"], &["hides-owners"], &["MAC"]);
    names(
        &["client-empty"],
        &["hides-owners"],
        &["it shows nothing in the place"],
    );
}

#[test]
fn a_router_that_shows_nothing_at_all() {
    names(&["lists-nothing"], &["shows-nothing"], &["granted"]);
}

#[test]
fn a_router_that_shows_its_mappings_in_one_way_only() {
    names(&["shown-list-only"], &["list-only"], &[]);
    names(&["shown-specific-only"], &["incomplete-list"], &[]);
}

#[test]
fn a_router_that_makes_one_mapping_to_a_port_of_a_device() {
    let words = ["router.port_mode = \"common\""];
    names(&["one-per-inner-port"], &["one-per-inner-port"], &words);
}

#[test]
fn a_router_that_does_not_extend_leases() {
    let yes = ["a renewal is answered with yes"];
    names(&["renewal-keeps-end"], &["leases-run-out"], &yes);
    let no = ["a renewal is refused before the lease has ended"];
    names(&["renewal-refused"], &["leases-run-out"], &no);
    let unseen = ["lists-nothing", "renewal-refused"];
    names(&unseen, &["shows-nothing", "leases-run-out"], &no);
}

#[test]
fn a_router_with_leases_of_its_own() {
    names(&["lease-permanent-only"], &["permanent-leases"], &[]);
    names(&["lease-hour-at-least"], &["long-leases"], &["1 hour"]);
    names(
        &["lease-day"],
        &["long-leases"],
        &["1 day", "A renewal extends"],
    );
    let keeps = ["lease-day", "renewal-keeps-end"];
    names(&keeps, &["long-leases", "leases-run-out"], &[]);
}

#[test]
fn an_address_that_is_not_told_private_or_shared() {
    for (quirk, words) in [
        ("external-501", "set router.external_host"),
        ("external-private", "double NAT"),
        ("external-shared", "carrier-grade NAT"),
    ] {
        let testbed = Testbed::with(router(&[quirk]));
        let (code, told) = examined(&testbed, &[]);
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_port_that_the_router_keeps_is_tried_only_when_asked_for_and_with_nobody_there() {
    let kept = ["reserved-representative-port", "reserved-8081"];
    let testbed = Testbed::with(router(&kept));
    let (_, told) = examined(&testbed, &[]);
    assert_eq!(named(&told), [""; 0]);
    assert!(told.contains("Port 8080 is not tried"), "{told}");

    let flag = ["--try-representative-port"];
    let (_, told) = examined(&testbed, &flag);
    let both = ["reserved-representative-port", "reserved-ports"];
    assert_eq!(named(&told), both, "{told}");
    assert!(told.contains("another port than 8080"), "{told}");
    assert!(told.contains("refuses port 8081"), "{told}");
    assert!(told.contains("Port 8082: granted."), "{told}");

    let unseen = Testbed::with(router(&["lists-nothing"]));
    let (_, told) = examined(&unseen, &flag);
    assert!(
        told.contains("does not show whether somebody has it"),
        "{told}"
    );
}

#[test]
fn a_camera_that_runs_here_is_asked_and_not_disturbed() {
    let testbed = Testbed::with(router(&["lease-day"]));
    let camera = testbed.camera(2, "Front door").start();
    serves_the_lan(&camera);
    camera.await_leadership();
    let (code, told) = doctor(&camera.settings(), &["--try-representative-port"]);
    assert_eq!(code, Some(0), "{told}");
    let said = told.split_once("The camera that runs here").expect(&told).1;
    assert!(said.contains("  long-leases: "), "{said}");
    assert!(!told.contains("Port 8080"), "{told}");
    camera.await_leadership();
}

#[test]
fn a_router_that_takes_its_time_is_not_tried_further() {
    let testbed = Testbed::with(Quirks {
        soap_delay: Duration::from_millis(2_200),
        ..Quirks::igd2()
    });
    let (code, told) = examined(&testbed, &[]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(named(&told), ["slow-answers"]);
    // A router this slow is asked for a longer lease than the setting says.
    assert!(told.contains("granted, lease"), "{told}");
    assert!(told.contains("Nothing else is tried"), "{told}");
}

#[test]
fn a_router_that_answers_the_search_late() {
    names(&["ssdp-late"], &[], &["It answers late"]);
}

//! `porthole healthcheck` and `porthole doctor`.

use std::net::Ipv4Addr;
use std::path::Path;

use porthole_sim_router::{Leases, Quirks, SimRouterConfig};

use crate::testbed::{CONSOLE, Testbed, porthole, serves_the_lan};

/// Standard output and error of a sub-command, and its exit code.
fn run(subcommand: &str, settings: &Path) -> (Option<i32>, String) {
    let ran = porthole(subcommand, settings);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ran.status.code(), text(&ran.stdout) + &text(&ran.stderr))
}

#[test]
fn healthcheck_is_content_with_a_server_that_runs_and_not_with_one_that_is_dead() {
    let testbed = Testbed::without_router();
    let mut camera = testbed.camera(2, "Front door").install();
    let (code, words) = run("healthcheck", &camera.settings());
    assert_eq!(code, Some(1), "{words}");
    let url = format!("http://{}:8080/healthz", camera.address());
    assert!(words.contains(&url) && words.contains("refused"), "{words}");

    camera.start();
    serves_the_lan(&camera);
    let (code, words) = run("healthcheck", &camera.settings());
    assert_eq!(code, Some(0), "{words}");

    camera.kill();
    let (code, words) = run("healthcheck", &camera.settings());
    assert_eq!(code, Some(1), "{words}");
}

#[test]
fn doctor_tells_of_the_router_its_leases_and_its_table() {
    let testbed = Testbed::with(Quirks::igd2());
    testbed.put_console(9000);
    let camera = testbed.camera(2, "Front door").start();
    camera.await_leadership();
    let before = testbed.router().table();
    let (code, words) = run("doctor", &camera.settings());
    println!("{words}");
    assert_eq!(code, Some(0), "{words}");
    let status: serde_json::Value = camera.get("/api/v1/status").unwrap().json().unwrap();
    let name = status["router"]["name"].as_str().unwrap();
    let outside =
        SimRouterConfig::loopback(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST).reported_external;
    for expected in [
        name,
        &testbed.address(0).to_string(),
        &outside.to_string(),
        "granted, lease 30 s",
        "2, 1 of them Porthole's",
        &format!("8080 leads to {}:8080 (Front door)", camera.address()),
    ] {
        assert!(words.contains(expected), "no {expected:?} in {words}");
    }
    assert!(
        !words.contains(CONSOLE),
        "whose other mappings are is nobody's business"
    );
    let ports = |table: &[porthole_sim_router::TableEntry]| -> Vec<_> {
        table
            .iter()
            .map(|entry| entry.mapping.external_port)
            .collect()
    };
    assert_eq!(
        ports(&testbed.router().table()),
        ports(&before),
        "the trial is over"
    );
}

#[test]
fn doctor_warns_of_mappings_that_stay_for_ever() {
    let testbed = Testbed::with(Quirks {
        leases: Leases::PermanentOnly,
        ..Quirks::igd2()
    });
    let camera = testbed.camera(2, "Front door").install();
    let (code, words) = run("doctor", &camera.settings());
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("for ever"), "{words}");
    assert_eq!(testbed.router().table(), [], "the trial is over");
}

#[test]
fn doctor_says_what_to_do_about_a_full_table() {
    let testbed = Testbed::with(Quirks {
        table_limit: 0,
        ..Quirks::igd2()
    });
    let camera = testbed.camera(2, "Front door").install();
    let (code, words) = run("doctor", &camera.settings());
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("its table is full"), "{words}");
}

#[test]
fn doctor_says_what_to_do_where_there_is_no_router() {
    let testbed = Testbed::without_router();
    let camera = testbed.camera(2, "Front door").install();
    let (code, words) = run("doctor", &camera.settings());
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("What to do: switch UPnP on"), "{words}");
}

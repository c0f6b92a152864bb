//! Schemathesis reads the API's description and asks for all that it allows, and for much that it
//! does not.

use std::fs;
use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::strangers::relay;

/// Where `scripts/setup test` puts the program.
const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/schemathesis/bin/schemathesis"
);

/// The same requests in every run, unless `PORTHOLE_SEED` says otherwise.
const SEED: &str = "4";

/// How long a run may take, in seconds.
const LONGEST: &str = "240";

/// Operations that are left out, with the reason.
const LEFT_OUT: [(&str, &str); 2] = [
    (
        "/api/v1/events",
        "an answer without end: tests/events.rs listens to it",
    ),
    (
        "/logout",
        "it ends the login of all the requests after it: tests/start_up/login.rs logs out",
    ),
];

/// Runs all checks on the server at `address`, with up to so many requests of each kind for each
/// operation.
#[track_caller]
fn check(address: &str, description: &str, login: Option<&str>, requests: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("openapi.json"), description).unwrap();
    let seed = std::env::var("PORTHOLE_SEED").unwrap_or_else(|_| SEED.to_owned());
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", LONGEST, PROGRAM, "run", "openapi.json"])
        .args(["--url", &format!("http://{address}")])
        .args(["--checks", "all", "--seed", &seed])
        .args(["--max-examples", requests, "--request-timeout", "10"])
        .args(["--continue-on-failure", "--no-color"])
        // Each request is to come from another address: `strangers`.
        .args(["--header", "Connection: close"])
        .current_dir(folder.path());
    if let Some(login) = login {
        command.args(["--header", &format!("Authorization: {login}")]);
    }
    for (path, why) in LEFT_OUT {
        println!("left out: {path}: {why}");
        command.args(["--exclude-path", path]);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", output.status);
}

#[test]
fn schemathesis_finds_nothing_in_the_description_that_the_server_does_not_do() {
    // `cargo test` alone does not install it.
    if !Path::new(PROGRAM).exists() {
        println!("skipped: api::schemathesis: {PROGRAM} is not there: run scripts/setup test");
        return;
    }
    let Fleet {
        barn,
        kitchen,
        testbed,
    } = Fleet::start();
    let server = SocketAddrV4::new(barn.address(), 8080);
    let address = relay(testbed.address(6), server).to_string();
    let description = barn.get("/api/v1/openapi.json").unwrap().text();
    let order = json!({ "access": "admin", "days": 1 });
    let made = barn.send("POST", "/api/v1/tokens", &order).unwrap();
    let token = made.json::<Value>().unwrap()["token"].clone();
    let login = format!("Bearer {}", token.as_str().unwrap());

    check(&address, &description, Some(&login), "30");
    // Without a login it is to hear of that, and of nothing else.
    check(&address, &description, None, "5");

    // It would not have noticed that a camera crashed and began anew.
    for mut camera in [barn, kitchen] {
        camera.expect_running();
        let log = camera.log_text();
        assert!(!log.contains("panicked"), "{} has panicked", camera.name);
    }
}

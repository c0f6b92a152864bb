//! Schemathesis reads the API's description and asks for all that it allows, and for much that it does not.

use std::path::Path;
use std::process::Command;

use crate::fleet::{Fleet, base};

/// Where `scripts/setup test` puts the program.
const PROGRAM: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/schemathesis/bin/schemathesis"
);

/// The same requests in every run.
const SEED: &str = "4";

/// How many requests an operation gets at most in each phase.
const EXAMPLES: &str = "30";

/// Operations that are left out, with the reason.
const LEFT_OUT: [(&str, &str); 1] = [(
    "/api/v1/events",
    "an answer without end: tests/events.rs listens to it",
)];

#[test]
fn schemathesis_finds_nothing_in_the_description_that_the_server_does_not_do() {
    // What it cannot do here: `cargo test` alone does not install it.
    if !Path::new(PROGRAM).exists() {
        println!("skipped: api::schemathesis: {PROGRAM} is not there: run scripts/setup test");
        return;
    }
    let fleet = Fleet::start();
    let reports = tempfile::tempdir().unwrap();
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", "240", PROGRAM, "run"])
        .arg(format!("{}/api/v1/openapi.json", base(&fleet.barn)))
        .args(["--checks", "all", "--seed", SEED])
        .args(["--max-examples", EXAMPLES, "--request-timeout", "10"])
        .args(["--continue-on-failure", "--no-color"])
        .current_dir(reports.path());
    for (path, why) in LEFT_OUT {
        println!("left out: {path}: {why}");
        command.args(["--exclude-path", path]);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", output.status);
    assert!(!told.contains("No checks"), "nothing was tested");
    // It would not have noticed that a camera ended and began anew.
    for mut camera in [fleet.barn, fleet.kitchen] {
        camera.expect_running();
        let log = camera.log_text();
        assert!(!log.contains("panicked"), "{} has panicked", camera.name);
    }
}

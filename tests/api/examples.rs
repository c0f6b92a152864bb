//! The examples of docs/ref/api.md, in their order, run by a real shell and a real curl.

use std::fs;
use std::process::Command;

use crate::fleet::{Fleet, base, cameras};
use crate::support::lab::ADMIN_PASSWORD;
use crate::transcript::{Example, compare, examples};

/// The addresses and ids of the document.
const BARN: &str = "http://192.168.1.20:8080";
const KITCHEN: &str = "http://192.168.1.21:8080";
const OUTSIDE: &str = "http://60.120.76.64:8080";
const BARN_ID: &str = "e85db934379cafa8";
const KITCHEN_ID: &str = "85f1eef97a54aa14";

/// How long an endless example is watched.
const GLIMPSE: &str = "3";

/// How long any other may take.
const PATIENCE: &str = "20";

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ref/api.md");
    fs::read_to_string(path).unwrap()
}

fn run(example: &Example, fleet: &Fleet, ids: &[String; 2], folder: &std::path::Path) -> String {
    let outside = format!("http://{}:8080", fleet.testbed.address(1));
    let command = example
        .command
        .replace(BARN, &base(&fleet.barn))
        .replace(KITCHEN, &base(&fleet.kitchen))
        .replace(OUTSIDE, &outside)
        .replace(BARN_ID, &ids[0])
        .replace(KITCHEN_ID, &ids[1]);
    // A variable is there for the examples after it.
    let known = "[ -e variables ] && . ./variables";
    let command = match example.variable() {
        Some(name) => format!("{known}; {command}; declare -p {name} >>variables"),
        None => format!("{known}; {command}"),
    };
    let limit = if example.endless { GLIMPSE } else { PATIENCE };
    let output = Command::new("timeout")
        .args([limit, "bash", "-c", &command])
        .current_dir(folder)
        .env("PASSWORD", ADMIN_PASSWORD)
        .env("NO_PROXY", "*")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_example_of_the_reference_prints_what_the_reference_says() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: api::examples: there is no curl");
        return;
    }
    let document = document();
    let examples = examples(&document);
    assert!(examples.len() > 20, "{} examples", examples.len());
    let fleet = Fleet::start();
    let known = cameras(&fleet.barn).unwrap();
    let ids = ["Barn", "Küche"].map(|name| {
        let one = known.iter().find(|one| one["name"] == name);
        one.expect(name)["id"].as_str().unwrap().to_owned()
    });
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for example in &examples {
        let printed = run(example, &fleet, &ids, folder.path());
        if let Err(why) = compare(&example.printed, &printed) {
            wrong.push(format!(
                "docs/ref/api.md:{}: {}\n  {why}\n  said: {}\n  printed: {printed}\n",
                example.line, example.command, example.printed
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join(""));
}

#[test]
fn every_route_of_the_api_has_an_example() {
    let document = document();
    for section in document.split("\n### `").skip(1) {
        let (route, rest) = section.split_once('`').unwrap();
        let body = rest.split("\n## ").next().unwrap();
        let shown = examples(body)
            .iter()
            .any(|example| example.command.starts_with("curl "));
        assert!(shown, "{route} has no example");
    }
}

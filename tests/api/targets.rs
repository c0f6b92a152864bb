//! Prometheus takes the list of targets as it is.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::fleet::{Fleet, base, cameras};
use crate::support::lab::ADMIN_PASSWORD;

#[test]
fn prometheus_discovers_every_camera_by_its_address_on_the_lan() {
    let fleet = Fleet::start();
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("prometheus.yml");
    let url = format!("{}/api/v1/prometheus/targets", base(&fleet.kitchen));
    let text = format!(
        "scrape_configs:\n  - job_name: porthole\n    http_sd_configs:\n      - url: {url}\n\
         \x20       basic_auth:\n          username: admin\n          password: {ADMIN_PASSWORD}\n"
    );
    fs::write(&settings, text).unwrap();
    let discovery = Command::new("promtool")
        .args(["check", "service-discovery", "--timeout=10s"])
        .arg(&settings)
        .arg("porthole")
        .env("NO_PROXY", "*")
        .output();
    let output = match discovery {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: api::targets: promtool cannot be run: {error}");
            return;
        }
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let label = |target: &Value, name: &str| target["labels"][name].as_str().map(str::to_owned);
    let discovered: BTreeSet<_> = found
        .iter()
        .map(|target| {
            assert_eq!(label(target, "__scheme__").as_deref(), Some("http"));
            assert_eq!(
                label(target, "__metrics_path__").as_deref(),
                Some("/metrics")
            );
            (label(target, "instance"), label(target, "camera_id"))
        })
        .collect();
    let known = cameras(&fleet.barn).unwrap();
    let expected = [(&fleet.barn, "Barn"), (&fleet.kitchen, "Küche")].map(|(camera, name)| {
        let one = known.iter().find(|one| one["name"] == name).unwrap();
        let id = one["id"].as_str().map(str::to_owned);
        (Some(format!("{}:8080", camera.address())), id)
    });
    assert_eq!(discovered, BTreeSet::from(expected));
}

//! The dashboard and the alert rules ask only for metrics that exist, in queries that Prometheus
//! can read.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use porthole::http::route_paths;
use porthole::metrics::Metrics;
use porthole_types::InstanceId;

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/grafana")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// The queries of all panels.
fn dashboard_queries() -> Vec<String> {
    let dashboard: serde_json::Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten()
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

/// Every name that a query can ask for: a histogram has three.
fn exported() -> BTreeSet<String> {
    let metrics = Metrics::new(route_paths());
    metrics.set_camera_info(InstanceId(1), "Garden");
    let (_, text) = metrics.render();
    let types = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types
        .flat_map(|(name, kind)| match kind {
            "histogram" => ["bucket", "sum", "count"]
                .map(|part| format!("{name}_{part}"))
                .to_vec(),
            _ => vec![name.to_owned()],
        })
        .collect()
}

fn asked(query: &str) -> Vec<&str> {
    query
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("porthole_") || word.starts_with("process_"))
        .collect()
}

/// Runs promtool in `grafana/` and asserts that it finds nothing wrong; false when it is not
/// installed.
fn promtool(test: &str, arguments: &[&str]) -> bool {
    match Command::new("promtool")
        .args(arguments)
        .current_dir(file(""))
        .output()
    {
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{told}");
            true
        }
        Err(error) => {
            println!("skipped: grafana::{test}: promtool cannot be run: {error}");
            false
        }
    }
}

#[test]
fn every_query_of_the_dashboard_asks_for_metrics_that_exist() {
    let exported = exported();
    let queries = dashboard_queries();
    assert!(
        queries.len() >= 20,
        "the dashboard has only {} queries",
        queries.len()
    );
    for query in &queries {
        let asked = asked(query);
        assert!(!asked.is_empty(), "{query} asks for nothing");
        for name in asked {
            assert!(
                exported.contains(name),
                "there is no metric {name}, asked for by {query}"
            );
        }
    }
}

#[test]
fn every_alert_asks_for_metrics_that_exist() {
    let exported = exported();
    let rules = read("alerts.yml");
    let asked = asked(&rules);
    assert!(asked.len() >= 5, "{asked:?}");
    for name in asked {
        assert!(exported.contains(name), "there is no metric {name}");
    }
}

#[test]
fn prometheus_can_read_every_query_of_the_dashboard() {
    let rules: Vec<_> = dashboard_queries()
        .iter()
        .enumerate()
        .map(|(i, query)| {
            let query = query
                .replace("$__rate_interval", "5m")
                .replace("$job", "porthole");
            serde_json::json!({ "record": format!("query:{i}"), "expr": query })
        })
        .collect();
    // JSON is YAML.
    let group = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(group.to_string().as_bytes()).unwrap();
    let path = written.path().to_str().unwrap();
    promtool(
        "prometheus_can_read_every_query_of_the_dashboard",
        &["check", "rules", path],
    );
}

#[test]
fn each_alert_fires_on_its_fault_and_is_silent_otherwise() {
    let name = "each_alert_fires_on_its_fault_and_is_silent_otherwise";
    if promtool(name, &["check", "rules", "alerts.yml"]) {
        promtool(name, &["test", "rules", "alerts.test.yml"]);
    }
}

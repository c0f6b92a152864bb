use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

const ROUTES: [&str; 2] = ["/", "/api/v1/cameras/{id}"];

fn new_metrics() -> Metrics {
    Metrics::new(ROUTES)
}

/// Metric name → type, from the `# TYPE` lines.
fn types(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .collect()
}

#[test]
fn the_names_and_types_are_those_of_the_contract() {
    let metrics = new_metrics();
    metrics.set_camera_info(InstanceId(1), "Garden");
    let (_, text) = metrics.render();
    let ours: Vec<_> = types(&text)
        .into_iter()
        .filter_map(|(name, kind)| Some(format!("{} {kind}", name.strip_prefix("porthole_")?)))
        .collect();
    assert_eq!(
        ours,
        [
            "actor_restarts_total counter",
            "build_info gauge",
            "camera_info gauge",
            "capture_device_up gauge",
            "capture_frames_discarded_total counter",
            "capture_frames_total counter",
            "connections gauge",
            "connections_ended_total counter",
            "encode_duration_seconds histogram",
            "frame_latency_seconds histogram",
            "frame_size_bytes histogram",
            "heartbeats_missed_total counter",
            "http_malformed_requests_total counter",
            "http_request_duration_seconds histogram",
            "http_requests_total counter",
            "http_unknown_clients_total counter",
            "lan_messages_rejected_total counter",
            "lan_messages_total counter",
            "lease_expiry_timestamp_seconds gauge",
            "logins_total counter",
            "passwords_waiting gauge",
            "peers gauge",
            "representative gauge",
            "representative_changes_total counter",
            "representative_gap_seconds histogram",
            "router_poll_duration_seconds histogram",
            "router_request_failures_total counter",
            "router_request_wait_seconds histogram",
            "router_requests_delayed_total counter",
            "router_requests_total counter",
            "router_table_entries gauge",
            "seats gauge",
            "seats_lost_total counter",
            "stream_clients gauge",
            "stream_frames_sent_total counter",
            "stream_frames_skipped_total counter",
            "stream_sent_bytes_total counter",
            "term gauge",
        ]
    );
}

#[test]
fn total_is_the_ending_of_counters_and_of_nothing_else() {
    let (_, text) = new_metrics().render();
    for (name, kind) in types(&text) {
        assert_eq!(
            kind == "counter",
            name.ends_with("_total"),
            "{name} is a {kind}"
        );
    }
}

#[test]
fn every_series_exists_at_0_before_anything_happens() {
    let (_, text) = new_metrics().render();
    for series in [
        r#"porthole_actor_restarts_total{actor="election"} 0"#,
        r#"porthole_router_request_failures_total{action="AddPortMapping",code="718"} 0"#,
        r#"porthole_lan_messages_total{direction="received",kind="probe_reply"} 0"#,
        r#"porthole_http_requests_total{code="5xx",route="/api/v1/cameras/{id}"} 0"#,
        r#"porthole_http_request_duration_seconds_count{route="/"} 0"#,
        r#"porthole_capture_frames_discarded_total{reason="truncated"} 0"#,
    ] {
        assert!(
            text.lines().any(|line| line == series),
            "{series} is missing in:\n{text}"
        );
    }
}

#[test]
fn each_combination_of_labels_counts_its_own_series_only() {
    fn check<L: Labels>() {
        assert_eq!(L::all().len(), L::COUNT);
        for (i, labels) in L::all().into_iter().enumerate() {
            assert_eq!(labels.index(), i, "{:?}", labels.values());
        }
    }
    check::<(Action, Failure)>();
    check::<(MessageKind, Direction)>();
    check::<StatusClass>();
    check::<Actor>();

    let metrics = new_metrics();
    metrics
        .router_request_failures_total
        .of((Action::DeletePortMapping, Failure::of_code("606")))
        .inc();
    for pattern in ["/nowhere", "/api/v1/cameras/{id}"] {
        let metrics = metrics.http.route(pattern);
        let class = StatusClass::of_code(404);
        metrics.requests_total.of(class).inc();
    }
    let (_, text) = metrics.render();
    let counted: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("porthole_") && line.ends_with(" 1"))
        .filter(|line| !line.starts_with("porthole_build_info"))
        .collect();
    assert_eq!(
        counted,
        [
            r#"porthole_http_requests_total{code="4xx",route="/api/v1/cameras/{id}"} 1"#,
            r#"porthole_http_requests_total{code="4xx",route="other"} 1"#,
            r#"porthole_router_request_failures_total{action="DeletePortMapping",code="606"} 1"#,
        ]
    );
}

#[test]
fn a_renamed_camera_leaves_no_series_behind_and_any_name_is_escaped() {
    let metrics = new_metrics();
    metrics.set_camera_info(InstanceId(1), "Garden");
    metrics.set_camera_info(InstanceId(1), "a \"b\"\n\\");
    let (_, text) = metrics.render();
    let info: Vec<_> = text
        .lines()
        .filter(|l| l.starts_with("porthole_camera_info"))
        .collect();
    assert_eq!(
        info,
        [r#"porthole_camera_info{id="0000000000000001",name="a \"b\"\n\\"} 1"#]
    );
}

#[test]
fn the_process_itself_is_measured() {
    let (_, text) = new_metrics().render();
    let memory = text
        .lines()
        .find_map(|l| l.strip_prefix("process_resident_memory_bytes "));
    assert!(memory.unwrap().parse::<f64>().unwrap() > 0.0);
}

#[test]
fn promtool_finds_nothing_wrong() {
    let metrics = new_metrics();
    metrics.set_camera_info(InstanceId(1), "Garden");
    let (_, text) = metrics.render();
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        println!("skipped: metrics::promtool_finds_nothing_wrong: promtool is not installed");
        return;
    };
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{told}");
}

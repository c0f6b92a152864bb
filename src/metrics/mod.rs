//! What Prometheus reads.
//!
//! One [`Metrics`] per server, with its own registry, so that many servers can live in one test
//! process. Every series exists from the start: a counter that appears only with its first event
//! hides that event from `rate()`. Label values are closed sets ([`labels`]); the one exception is
//! `porthole_camera_info`.

mod labels;
mod observers;

#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TEXT_FORMAT, TextEncoder,
};

pub use labels::{Actor, Direction, Failure, Labels, Login, Route, StatusClass};

use crate::lan::{MessageKind, RejectionReason};
use porthole_camera::observe::Discard;
use porthole_gateway::Action;
use porthole_types::InstanceId;

const POLL_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const ENCODE_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.25,
];
const LATENCY_SECONDS: &[f64] = &[
    0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.067, 0.1, 0.2, 0.5, 1.0, 2.0,
];
const REQUEST_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
/// 8 KiB doubling to 1 MiB.
const FRAME_BYTES: &[f64] = &[
    8_192.0,
    16_384.0,
    32_768.0,
    65_536.0,
    131_072.0,
    262_144.0,
    524_288.0,
    1_048_576.0,
];

/// One metric for each value of a closed set of labels, found without hashing.
#[derive(Clone, Debug)]
pub struct By<L, M> {
    metrics: Vec<M>,
    labels: PhantomData<L>,
}

impl<L: Labels, M> By<L, M> {
    fn new(metric: impl Fn(&[&str]) -> M) -> Self {
        let metrics = L::all()
            .into_iter()
            .map(|labels| metric(&labels.values()))
            .collect();
        Self {
            metrics,
            labels: PhantomData,
        }
    }

    /// The metric with these label values.
    pub fn of(&self, labels: L) -> &M {
        // In bounds: `new` made one for each of `L::all()`, and an index is a place in it.
        &self.metrics[labels.index()]
    }
}

/// Every metric of one server. The field's name is the metric's name without `porthole_`; its help
/// text (in [`Metrics::new`]) says what it counts.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is explained by its help text")]
pub struct Metrics {
    registry: Registry,
    camera_info: IntGaugeVec,

    pub representative: IntGauge,
    pub representative_changes_total: IntCounter,
    pub term: IntGauge,
    pub peers: IntGauge,
    pub heartbeats_missed_total: IntCounter,
    pub lease_expiry_timestamp_seconds: Gauge,

    pub router_poll_duration_seconds: Histogram,
    pub router_requests_total: By<Action, IntCounter>,
    pub router_request_failures_total: By<(Action, Failure), IntCounter>,
    pub router_table_entries: IntGauge,

    pub lan_messages_total: By<(MessageKind, Direction), IntCounter>,
    pub lan_messages_rejected_total: By<RejectionReason, IntCounter>,

    pub actor_restarts_total: By<Actor, IntCounter>,

    pub capture_frames_total: IntCounter,
    pub capture_frames_discarded_total: By<Discard, IntCounter>,
    pub capture_device_up: IntGauge,
    pub encode_duration_seconds: Histogram,
    pub frame_latency_seconds: Histogram,
    pub frame_size_bytes: Histogram,

    pub stream_clients: IntGauge,
    pub stream_frames_sent_total: IntCounter,
    pub stream_frames_skipped_total: IntCounter,
    pub stream_sent_bytes_total: IntCounter,

    pub logins_total: By<Login, IntCounter>,
    pub http_requests_total: By<(Route, StatusClass), IntCounter>,
    pub http_request_duration_seconds: By<Route, Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at 0, and `porthole_build_info` at 1.
    #[must_use]
    pub fn new() -> Self {
        let r = Maker(Registry::new());
        r.register(ProcessCollector::for_self());
        r.build_info();
        Self {
            camera_info: r.gauges("camera_info", "1, with the id and name of this server's camera.", &["id", "name"]),

            representative: r.gauge("representative", "Whether this server believes to be the representative (0 or 1)."),
            representative_changes_total: r.counter("representative_changes_total", "Times that this server became representative or ceased to be."),
            term: r.gauge("term", "The term of the representative, as far as this server knows."),
            peers: r.gauge("peers", "Other servers known."),
            heartbeats_missed_total: r.counter("heartbeats_missed_total", "Inquiries of the representative that did not come in time."),
            lease_expiry_timestamp_seconds: r.real("lease_expiry_timestamp_seconds", "When this server's mapping ends unless it is renewed, in seconds since 1970: the representative's own deadline, a member's lease; 0 without a mapping or an end."),

            router_poll_duration_seconds: r.histogram("router_poll_duration_seconds", "Time to read the router's address and table once.", POLL_SECONDS),
            router_requests_total: r.counters("router_requests_total", "Actions asked of the router."),
            router_request_failures_total: r.counters("router_request_failures_total", "Actions that the router refused or did not answer, by UPnP error code or cause."),
            router_table_entries: r.gauge("router_table_entries", "Entries in the router's port mapping table when it was last read."),

            lan_messages_total: r.counters("lan_messages_total", "Messages between the servers, those rejected not counted."),
            lan_messages_rejected_total: r.counters("lan_messages_rejected_total", "Datagrams on the LAN that were dropped unread."),

            actor_restarts_total: r.counters("actor_restarts_total", "Restarts of an actor after it crashed or hung."),

            capture_frames_total: r.counter("capture_frames_total", "Frames taken from the camera."),
            capture_frames_discarded_total: r.counters("capture_frames_discarded_total", "Frames taken from the camera that nobody was shown."),
            capture_device_up: r.gauge("capture_device_up", "Whether the camera is open and gives frames (0 or 1)."),
            encode_duration_seconds: r.histogram("encode_duration_seconds", "Time to encode one frame.", ENCODE_SECONDS),
            frame_latency_seconds: r.histogram("frame_latency_seconds", "Time from the capture of a frame to its publication.", LATENCY_SECONDS),
            frame_size_bytes: r.histogram("frame_size_bytes", "Size of an encoded frame.", FRAME_BYTES),

            stream_clients: r.gauge("stream_clients", "Viewers of the stream now."),
            stream_frames_sent_total: r.counter("stream_frames_sent_total", "Frames sent, each viewer counted."),
            stream_frames_skipped_total: r.counter("stream_frames_skipped_total", "Frames not sent to a viewer that was too slow for them."),
            stream_sent_bytes_total: r.counter("stream_sent_bytes_total", "Bytes of the stream sent, all viewers together."),

            logins_total: r.counters("logins_total", "Tries to log in with a password, and tokens that were nobody's."),
            http_requests_total: r.counters("http_requests_total", "HTTP requests answered."),
            http_request_duration_seconds: r.histograms("http_request_duration_seconds", "Time from a request to the head of its answer.", REQUEST_SECONDS),

            registry: r.0,
        }
    }

    /// Sets the only series with a person's words in it: one, replaced when the camera is renamed.
    pub fn set_camera_info(&self, id: InstanceId, name: &str) {
        self.camera_info.reset();
        self.camera_info
            .with_label_values(&[id.to_string().as_str(), name])
            .set(1);
    }

    /// The content type and the text that `/metrics` answers.
    #[must_use]
    pub fn render(&self) -> (&'static str, String) {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics are incomplete");
        }
        (TEXT_FORMAT, text)
    }
}

/// Makes and registers metrics. What the library can refuse here (a malformed or repeated name)
/// does not depend on anything at run time, and the tests make every metric once.
struct Maker(Registry);

const CONSTANT: &str = "the names of metrics are constants, and well-formed";

impl Maker {
    fn register(&self, metric: impl Collector + 'static) {
        self.0.register(Box::new(metric)).expect(CONSTANT);
    }

    fn registered<M: Collector + Clone + 'static>(&self, metric: prometheus::Result<M>) -> M {
        let metric = metric.expect(CONSTANT);
        self.register(metric.clone());
        metric
    }

    fn build_info(&self) {
        let info = self.gauges(
            "build_info",
            "1, with the version of the program.",
            &["version"],
        );
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::with_opts(opts(name, help)))
    }

    fn counters<L: Labels>(&self, name: &str, help: &str) -> By<L, IntCounter> {
        let family = self.registered(IntCounterVec::new(opts(name, help), &L::names()));
        By::new(|labels| family.with_label_values(labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::with_opts(opts(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(opts(name, help), labels))
    }

    fn real(&self, name: &str, help: &str) -> Gauge {
        self.registered(Gauge::with_opts(opts(name, help)))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.registered(Histogram::with_opts(histogram_opts(name, help, buckets)))
    }

    fn histograms<L: Labels>(&self, name: &str, help: &str, buckets: &[f64]) -> By<L, Histogram> {
        let opts = histogram_opts(name, help, buckets);
        let family = self.registered(HistogramVec::new(opts, &L::names()));
        By::new(|labels| family.with_label_values(labels))
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("porthole")
}

fn histogram_opts(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help)
        .namespace("porthole")
        .buckets(buckets.to_vec())
}

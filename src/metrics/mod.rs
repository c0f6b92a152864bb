//! The metrics that Prometheus reads at `/metrics`.
//!
//! One [`Metrics`] per server, with its own registry, so that many servers can live in one test
//! process. Every series exists from the start: a counter that appears only with its first event
//! hides that event from `rate()`. Label values are closed sets ([`labels`]); the one exception is
//! `porthole_camera_info`.

mod http;
mod labels;
mod maker;
mod observers;

#[cfg(test)]
mod tests;

use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, Histogram, IntCounter, IntGauge, IntGaugeVec, Registry, TEXT_FORMAT, TextEncoder,
};

pub use http::{HttpMetrics, RouteMetrics};
pub use labels::{
    Actor, ConnectionEnd, Direction, Failure, Labels, Login, SeatKind, SeatLoss, StatusClass,
};
pub use maker::By;

use maker::Maker;

use crate::lan::{MessageKind, RejectionReason};
use porthole_camera::observe::Discard;
use porthole_gateway::{Action, RequestKind};
use porthole_types::InstanceId;

const POLL_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const WAIT_SECONDS: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];
const GAP_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
const ENCODE_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.25,
];
const LATENCY_SECONDS: &[f64] = &[
    0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.067, 0.1, 0.2, 0.5, 1.0, 2.0,
];
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

/// Makes [`Metrics`] of the table: a field, and with it a metric of the same name behind
/// `porthole_`. What is said of a metric is also its help text.
macro_rules! metrics {
    ($(
        $(#[doc = $help:literal])+
        $name:ident: $type:ty = $make:ident($($buckets:ident)?);
    )+) => {
        /// Every metric of one server.
        #[derive(Clone, Debug)]
        pub struct Metrics {
            registry: Registry,
            camera_info: IntGaugeVec,
            /// `http_requests_total` and `http_request_duration_seconds`.
            pub http: HttpMetrics,
            $($(#[doc = $help])+ pub $name: $type,)+
        }

        impl Metrics {
            /// All metrics at 0, and `porthole_build_info` at 1. `routes` are the path patterns of
            /// the HTTP server, the values of the label `route`.
            #[must_use]
            pub fn new(routes: impl IntoIterator<Item = &'static str>) -> Self {
                let maker = Maker(Registry::new());
                maker.register(ProcessCollector::for_self());
                maker.build_info();
                Self {
                    camera_info: maker.gauges(
                        "camera_info",
                        "1, with the id and name of this server's camera.",
                        &["id", "name"],
                    ),
                    http: HttpMetrics::new(&maker, routes),
                    $($name: maker.$make(
                        stringify!($name),
                        concat!($($help),+).trim_start(),
                        $($buckets)?
                    ),)+
                    registry: maker.0,
                }
            }
        }
    };
}

metrics! {
    /// Whether this server believes to be the representative (0 or 1).
    representative: IntGauge = gauge();
    /// Times that this server became representative or ceased to be.
    representative_changes_total: IntCounter = counter();
    /// The term of the representative, as far as this server knows.
    term: IntGauge = gauge();
    /// Other servers known.
    peers: IntGauge = gauge();
    /// Inquiries of the representative that did not come in time.
    heartbeats_missed_total: IntCounter = counter();
    /// When this server's mapping ends unless it is renewed, in seconds since 1970: the
    /// representative's own deadline, a member's lease; 0 without a mapping or an end.
    lease_expiry_timestamp_seconds: Gauge = float_gauge();

    /// Time to read the router's address and table once.
    router_poll_duration_seconds: Histogram = histogram(POLL_SECONDS);
    /// Actions asked of the router.
    router_requests_total: By<Action, IntCounter> = counters();
    /// Actions that the router refused or did not answer, by UPnP error code or cause.
    router_request_failures_total: By<(Action, Failure), IntCounter> = counters();
    /// Requests to the router, and begins of a poll, that had to wait for their turn.
    router_requests_delayed_total: By<RequestKind, IntCounter> = counters();
    /// Time that these waited.
    router_request_wait_seconds: Histogram = histogram(WAIT_SECONDS);
    /// Time that the representative port was nobody's while this server made its mapping anew.
    representative_gap_seconds: Histogram = histogram(GAP_SECONDS);
    /// Entries in the router's port mapping table when it was last read.
    router_table_entries: IntGauge = gauge();

    /// Messages between the servers, those rejected not counted.
    lan_messages_total: By<(MessageKind, Direction), IntCounter> = counters();
    /// Datagrams on the LAN that were dropped unread.
    lan_messages_rejected_total: By<RejectionReason, IntCounter> = counters();

    /// Restarts of an actor after it crashed or hung.
    actor_restarts_total: By<Actor, IntCounter> = counters();

    /// Frames taken from the camera.
    capture_frames_total: IntCounter = counter();
    /// Frames taken from the camera that nobody was shown.
    capture_frames_discarded_total: By<Discard, IntCounter> = counters();
    /// Whether the camera is open and gives frames (0 or 1).
    capture_device_up: IntGauge = gauge();
    /// Time to encode one frame.
    encode_duration_seconds: Histogram = histogram(ENCODE_SECONDS);
    /// Time from the capture of a frame to its publication.
    frame_latency_seconds: Histogram = histogram(LATENCY_SECONDS);
    /// Size of an encoded frame.
    frame_size_bytes: Histogram = histogram(FRAME_BYTES);

    /// Viewers of the stream now.
    stream_clients: IntGauge = gauge();
    /// Frames sent, each viewer counted.
    stream_frames_sent_total: IntCounter = counter();
    /// Frames not sent to a viewer that was too slow for them.
    stream_frames_skipped_total: IntCounter = counter();
    /// Bytes of the stream sent, all viewers together.
    stream_sent_bytes_total: IntCounter = counter();

    /// Connections that are open, over all ports.
    connections: IntGauge = gauge();
    /// Connections that were refused, or ended before their time.
    connections_ended_total: By<ConnectionEnd, IntCounter> = counters();

    /// Seats that are taken, of those who have pictures or listen to events.
    seats: By<SeatKind, IntGauge> = gauges_by();
    /// Requests that found no seat, and connections that gave theirs up to somebody else.
    seats_lost_total: By<(SeatKind, SeatLoss), IntCounter> = counters();

    /// Tries to log in with a password, and tokens that were nobody's.
    logins_total: By<Login, IntCounter> = counters();
    /// Requests refused because they are no HTTP.
    http_malformed_requests_total: IntCounter = counter();
    /// Requests that a proxy passed on without a word that counts on whose behalf.
    http_unknown_clients_total: IntCounter = counter();
    /// Passwords that wait to be checked, one after the other.
    passwords_waiting: IntGauge = gauge();
}

impl Metrics {
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

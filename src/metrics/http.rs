//! What is counted of HTTP requests, by route.

use std::sync::Arc;

use prometheus::{Histogram, IntCounter};

use super::labels::{Labels as _, StatusClass};
use super::maker::{By, Maker};

/// The label of requests that none of the routes took, and of the assets.
const OTHER: &str = "other";

const REQUEST_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// The metrics of every route that the server was made with, and of all other requests together.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    routes: Arc<[RouteMetrics]>,
    other: RouteMetrics,
}

/// What is counted of the requests for one route.
#[derive(Clone, Debug)]
pub struct RouteMetrics {
    route: &'static str,
    /// Requests answered, by the class of the answer's status.
    pub requests_total: By<StatusClass, IntCounter>,
    /// Time from a request to the head of its answer.
    pub request_duration_seconds: Histogram,
}

impl HttpMetrics {
    pub(super) fn new(maker: &Maker, routes: impl IntoIterator<Item = &'static str>) -> Self {
        let code = StatusClass::names();
        let requests = maker.counter_vec(
            "http_requests_total",
            "HTTP requests answered.",
            &[&["route"], code.as_slice()].concat(),
        );
        let durations = maker.histogram_vec(
            "http_request_duration_seconds",
            "Time from a request to the head of its answer.",
            &["route"],
            REQUEST_SECONDS,
        );
        let metrics_of = |route: &'static str| RouteMetrics {
            route,
            requests_total: By::new(|code| requests.with_label_values(&[&[route], code].concat())),
            request_duration_seconds: durations.with_label_values(&[route]),
        };
        Self {
            routes: routes.into_iter().map(metrics_of).collect(),
            other: metrics_of(OTHER),
        }
    }

    /// The metrics of the route with this path pattern, as actix-web gives it
    /// (`HttpRequest::match_pattern`); those of all other requests where there is none.
    #[must_use]
    pub fn route(&self, pattern: &str) -> &RouteMetrics {
        let found = self.routes.iter().find(|metrics| metrics.route == pattern);
        found.unwrap_or(&self.other)
    }
}

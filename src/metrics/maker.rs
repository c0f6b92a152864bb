//! Making metrics: named, registered, and with a series for each combination of labels from the
//! start.

use std::marker::PhantomData;

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

use super::labels::Labels;

/// One metric for each value of a closed set of labels, found without hashing.
#[derive(Clone, Debug)]
pub struct By<L, M> {
    metrics: Vec<M>,
    labels: PhantomData<L>,
}

impl<L: Labels, M> By<L, M> {
    pub(super) fn new(metric: impl Fn(&[&str]) -> M) -> Self {
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
        // In bounds: `new` made one for each of `L::all()`, and an index is one of its positions.
        &self.metrics[labels.index()]
    }
}

/// Makes and registers metrics. What the library can refuse here (a malformed or repeated name)
/// does not depend on anything at run time, and the tests make every metric once.
pub(super) struct Maker(pub(super) Registry);

const CONSTANT: &str = "the names of metrics are constants, and well-formed";

impl Maker {
    pub(super) fn register(&self, metric: impl Collector + 'static) {
        self.0.register(Box::new(metric)).expect(CONSTANT);
    }

    pub(super) fn registered<M: Collector + Clone + 'static>(
        &self,
        metric: prometheus::Result<M>,
    ) -> M {
        let metric = metric.expect(CONSTANT);
        self.register(metric.clone());
        metric
    }

    pub(super) fn build_info(&self) {
        let info = self.gauges(
            "build_info",
            "1, with the version of the program.",
            &["version"],
        );
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::with_opts(opts(name, help)))
    }

    pub(super) fn counters<L: Labels>(&self, name: &str, help: &str) -> By<L, IntCounter> {
        let family = self.counter_vec(name, help, &L::names());
        By::new(|labels| family.with_label_values(labels))
    }

    pub(super) fn counter_vec(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(opts(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::with_opts(opts(name, help)))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(opts(name, help), labels))
    }

    pub(super) fn gauges_by<L: Labels>(&self, name: &str, help: &str) -> By<L, IntGauge> {
        let family = self.gauges(name, help, &L::names());
        By::new(|labels| family.with_label_values(labels))
    }

    pub(super) fn float_gauge(&self, name: &str, help: &str) -> Gauge {
        self.registered(Gauge::with_opts(opts(name, help)))
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.registered(Histogram::with_opts(histogram_opts(name, help, buckets)))
    }

    pub(super) fn histogram_vec(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let opts = histogram_opts(name, help, buckets);
        self.registered(HistogramVec::new(opts, labels))
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

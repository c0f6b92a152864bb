//! The metrics as the libraries see them: each is given an observer, none knows Prometheus.

use std::time::Duration;

use super::Metrics;
use porthole_camera::observe::{CameraObserver, DeviceStatus, Discard};
use porthole_gateway::{Action, Observer, RequestKind};

/// Counts requests to the router.
#[derive(Clone, Debug)]
pub struct RouterMetrics(Metrics);

/// Counts what capture and encoder do.
#[derive(Clone, Debug)]
pub struct CameraMetrics(Metrics);

impl Metrics {
    /// The part that the gateway library counts with.
    pub fn router(&self) -> RouterMetrics {
        RouterMetrics(self.clone())
    }

    /// The part that the camera's loops count with.
    pub fn camera(&self) -> CameraMetrics {
        CameraMetrics(self.clone())
    }
}

impl Observer for RouterMetrics {
    fn request(&self, action: Action, result: Result<(), &'static str>) {
        self.0.router_requests_total.of(action).inc();
        if let Err(code) = result {
            let failure = super::Failure::of_code(code);
            self.0
                .router_request_failures_total
                .of((action, failure))
                .inc();
        }
    }

    fn waited(&self, kind: RequestKind, wait: Duration) {
        self.0.router_requests_delayed_total.of(kind).inc();
        let seconds = wait.as_secs_f64();
        self.0.router_request_wait_seconds.observe(seconds);
    }
}

impl CameraObserver for CameraMetrics {
    fn captured(&self) {
        self.0.capture_frames_total.inc();
    }

    fn discarded(&self, why: Discard) {
        self.0.capture_frames_discarded_total.of(why).inc();
    }

    fn device(&self, device: DeviceStatus) {
        self.0.capture_device_up.set(match device {
            DeviceStatus::Up => 1,
            DeviceStatus::Down => 0,
        });
    }

    fn encoded(&self, took: Duration, bytes: usize) {
        self.0.encode_duration_seconds.observe(took.as_secs_f64());
        self.0.frame_size_bytes.observe(bytes as f64);
    }

    fn shown(&self, since_capture: Duration) {
        self.0
            .frame_latency_seconds
            .observe(since_capture.as_secs_f64());
    }
}

//! Viewers during a rotation: of a camera that has nothing to do with it, and of the successor.

use std::time::Instant;

use super::fleet::Fleet;
use crate::support::lab::{Camera, PATIENCE, SecureMode, Stream};
use crate::support::wait::{ensure, eventually};

/// Pictures that are watched before the kill, and again after the successor gave up its old port.
const SOME: usize = 20;

/// A viewer outside, and what its camera counts.
struct Viewer<'a> {
    camera: &'a Camera,
    stream: Stream,
    before: Counted,
}

/// What a camera counts while its one viewer looks.
#[derive(Clone, Copy, Debug)]
struct Counted {
    sent: f64,
    skipped: f64,
    captured: f64,
    discarded: f64,
}

fn counted(camera: &Camera) -> Counted {
    let count = |series: &str| camera.metric(series).unwrap();
    Counted {
        sent: count("porthole_stream_frames_sent_total"),
        skipped: count("porthole_stream_frames_skipped_total"),
        captured: count("porthole_capture_frames_total"),
        discarded: 0.0,
    }
}

//! Viewers during a rotation: of a camera that has nothing to do with it, and of the successor.

use std::time::{Duration, Instant, SystemTime};

use super::fleet::Fleet;
use super::samples::{Samples, runs};
use super::{LONG_LEASE, any_phase};
use crate::support::lab::{Camera, PATIENCE, SecureMode, Seen, Stream};
use crate::support::wait::{ensure, eventually};

/// Pictures that each viewer sees before the kill, and again after the successor gave up its old
/// port.
const SOME: usize = 10;
/// Frames that may be on their way between the two ends when these are asked one after the other.
const ON_THE_WAY: f64 = 3.0;

/// Somebody outside who watches a camera under the camera's own port.
struct Viewer {
    /// The camera's number.
    number: usize,
    stream: Stream,
    seen: Seen,
    counted: Counted,
}

/// What a camera counts.
#[derive(Clone, Copy)]
struct Counted {
    captured: f64,
    skipped: f64,
}

impl Counted {
    fn by(camera: &Camera) -> Self {
        let count = |series| camera.metric(series).unwrap();
        Self {
            captured: count("porthole_capture_frames_total"),
            skipped: count("porthole_stream_frames_skipped_total"),
        }
    }
}

impl Viewer {
    /// Comes, and sees nothing yet.
    fn come(fleet: &Fleet, number: usize) -> Self {
        let url = format!("{}/stream.mjpg", fleet.lab.external_url(fleet.port(number)));
        let stream = fleet.lab.outside().watch(&url).unwrap();
        Self {
            number,
            seen: stream.seen(),
            stream,
            counted: Counted::by(&fleet.cameras[number]),
        }
    }

    /// From here on it counts.
    fn settle(&mut self, fleet: &Fleet) {
        self.seen = self.stream.seen();
        self.counted = Counted::by(&fleet.cameras[self.number]);
    }

    /// Every picture that the camera took since the viewer has settled has come to it, once and in
    /// order.
    #[track_caller]
    fn expect_all(&self, fleet: &Fleet, struck: SystemTime) -> Gaps {
        let camera = &fleet.cameras[self.number];
        let (seen, counted) = (self.stream.seen(), Counted::by(camera));
        let whose = &camera.name;
        let came = &seen.captured_at[self.seen.parts - 1..];
        assert_eq!(
            seen.captured_at.len(),
            seen.parts,
            "each part has a timestamp"
        );
        assert!(
            came.is_sorted_by(|one, next| one < next),
            "{whose}: {came:?}"
        );
        let skipped = counted.skipped - self.counted.skipped;
        assert!(
            skipped < 0.5,
            "{whose} skipped {skipped} pictures; seconds since the stroke, and to the next: {:.2?}",
            widest(came, struck)
        );
        let taken = counted.captured - self.counted.captured;
        let shown = (came.len() - 1) as f64;
        assert!(
            (taken - shown).abs() <= ON_THE_WAY,
            "{whose} took {taken} pictures, {shown} were seen"
        );
        println!("{whose}: {shown} pictures, none missing");
        let (before, during) = seen.captured_at.split_at(self.seen.parts);
        Gaps {
            before: longest(before),
            during: longest(during),
        }
    }
}

/// Waits until each of them has seen some pictures more.
#[track_caller]
fn await_more(viewers: &[Viewer], fleet: &Fleet) {
    let so_far: Vec<_> = viewers
        .iter()
        .map(|viewer| viewer.stream.seen().parts)
        .collect();
    for (viewer, so_far) in viewers.iter().zip(so_far) {
        eventually("the stream goes on", PATIENCE, || {
            let seen = viewer.stream.seen();
            let whose = &fleet.cameras[viewer.number].name;
            assert_eq!(
                seen.end, None,
                "{whose}'s stream, after {} pictures",
                seen.parts
            );
            ensure(
                seen.parts >= so_far + SOME,
                format!("{} pictures", seen.parts),
            )
        });
    }
}

/// The longest time between the capturing of two pictures that came one after the other.
struct Gaps {
    before: Duration,
    during: Duration,
}

fn longest(captured_at: &[f64]) -> Duration {
    let gaps = captured_at.windows(2).map(|pair| pair[1] - pair[0]);
    Duration::from_secs_f64(gaps.fold(0.0, f64::max))
}

/// The five longest of these times, each with its beginning after the stroke.
fn widest(captured_at: &[f64], struck: SystemTime) -> Vec<(f64, f64)> {
    let struck = struck
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let pairs = captured_at.windows(2);
    let mut gaps: Vec<_> = pairs
        .map(|pair| (pair[0] - struck, pair[1] - pair[0]))
        .collect();
    gaps.sort_by(|one, other| other.1.total_cmp(&one.1));
    gaps.truncate(5);
    gaps
}

#[test]
fn streams_of_the_successor_and_of_the_others_lose_no_picture() {
    let Some(mut fleet) = Fleet::open(SecureMode::Off, LONG_LEASE) else {
        return;
    };
    let mut during = Samples::new("streams");
    let mut before = Samples::part("streams", "before");
    for _ in 0..runs() {
        let standing = fleet.settle();
        let (old, successor) = (standing.order[0], standing.order[1]);
        let successors_port = fleet.port(successor);
        let mut viewers: Vec<_> = standing.order[1..]
            .iter()
            .map(|number| Viewer::come(&fleet, *number))
            .collect();
        await_more(&viewers, &fleet);
        for viewer in &mut viewers {
            viewer.settle(&fleet);
        }

        any_phase();
        let (struck, clock) = (Instant::now(), SystemTime::now());
        fleet.cameras[old].kill();
        let change = fleet.await_change(&standing, struck);
        fleet.expect_succession(&standing, 1, &change);
        eventually("the successor gives up its old port", PATIENCE, || {
            let tenures = fleet.rules.tenures(successors_port);
            let last = tenures.last().expect("the successor had a port");
            ensure(last.until.is_some(), format!("{last:?}"))
        });
        await_more(&viewers, &fleet);
        for viewer in &viewers {
            let gaps = viewer.expect_all(&fleet, clock);
            before.take(gaps.before);
            during.take(gaps.during);
        }
        drop(viewers);
        fleet.cameras[old].start();
        fleet.expect_no_way_back(&change);
    }
}

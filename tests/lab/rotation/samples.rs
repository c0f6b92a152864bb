//! What the runs of a case came to: printed as a row of the table when all are done.

use std::time::Duration;

use super::HEARTBEAT;

/// How often each case is run: `PORTHOLE_RUNS`, or twice.
pub(super) fn runs() -> u32 {
    match std::env::var("PORTHOLE_RUNS") {
        Ok(runs) => runs.parse().expect("PORTHOLE_RUNS is a number"),
        Err(_) => 2,
    }
}

/// The times of one row. Printed when dropped, unless the test failed before.
pub(super) struct Samples {
    row: String,
    times: Vec<Duration>,
}

impl Samples {
    /// Of the main figure of this case.
    pub(super) fn new(case: &str) -> Self {
        Self {
            row: case.to_owned(),
            times: Vec::new(),
        }
    }

    /// Of a part of it.
    pub(super) fn part(case: &str, part: &str) -> Self {
        Self::new(&format!("{case}.{part}"))
    }

    /// One run took so long.
    pub(super) fn take(&mut self, time: Duration) {
        let run = self.times.len() + 1;
        println!("{}: run {run}: {:.2} T", self.row, heartbeats(time));
        self.times.push(time);
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        if std::thread::panicking() || self.times.is_empty() {
            return;
        }
        self.times.sort();
        // `scripts/rotation` reads this line.
        println!(
            "row: {} {} {:.2} {:.2} {:.2}",
            self.row,
            self.times.len(),
            heartbeats(percentile(&self.times, 50)),
            heartbeats(percentile(&self.times, 99)),
            heartbeats(percentile(&self.times, 100)),
        );
    }
}

fn heartbeats(time: Duration) -> f64 {
    time.as_secs_f64() / HEARTBEAT.as_secs_f64()
}

/// The nearest rank: the smallest time that is not exceeded by so many per cent of all. Sorted, and
/// at least one.
fn percentile<T: Copy>(sorted: &[T], percent: usize) -> T {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[test]
fn a_percentile_is_one_of_the_times() {
    let ten: Vec<_> = (1..=10).collect();
    let of = |percent| percentile(&ten, percent);
    assert_eq!([of(1), of(50), of(51), of(99), of(100)], [1, 5, 6, 10, 10]);
    assert_eq!(percentile(&[7], 50), 7);
}

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
    /// In heartbeats.
    times: Vec<f64>,
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
        let time = time.as_secs_f64() / HEARTBEAT.as_secs_f64();
        println!("{}: run {}: {time:.2} T", self.row, self.times.len() + 1);
        self.times.push(time);
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        if std::thread::panicking() || self.times.is_empty() {
            return;
        }
        self.times.sort_by(f64::total_cmp);
        // `scripts/rotation` reads this line.
        println!(
            "row: {} {} {:.2} {:.2} {:.2}",
            self.row,
            self.times.len(),
            percentile(&self.times, 50),
            percentile(&self.times, 99),
            percentile(&self.times, 100),
        );
    }
}

/// The nearest rank: the smallest time that is not exceeded by so many per cent of all. Sorted, and at least one.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

#[test]
fn a_percentile_is_one_of_the_times() {
    let ten: Vec<_> = (1..=10).map(f64::from).collect();
    let of = |percent| percentile(&ten, percent);
    assert_eq!(
        [of(1), of(50), of(51), of(99), of(100)],
        [1.0, 5.0, 6.0, 10.0, 10.0]
    );
    assert_eq!(
        percentile(&[7.0], 50).total_cmp(&7.0),
        std::cmp::Ordering::Equal
    );
}

//! Telling a hang from a slow machine: counting checks, not seconds.

use std::time::Duration;

/// Consecutive checks without a heartbeat that make a hang.
const CHECKS: u32 = 4;

/// Watches a counter that something alive keeps raising.
///
/// After SIGSTOP, a paused virtual machine or a long stall of the checker itself, the clock has
/// moved on but nobody had a chance to run. So silence is measured in checks, [`CHECKS`] of them in
/// a row, one each [`HangDetector::every`].
#[derive(Debug)]
pub(super) struct HangDetector {
    limit: Duration,
    last: u64,
    silent: u32,
}

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Liveness {
    /// The counter moved, or has stood still for too short a time to tell.
    Alive,
    /// It has stood still for the limit; returned once per silence.
    Hung,
}

impl HangDetector {
    /// A watch on a counter that stands at `count`.
    pub(super) const fn new(limit: Duration, count: u64) -> Self {
        Self {
            limit,
            last: count,
            silent: 0,
        }
    }

    /// The time between two checks.
    pub(super) fn every(limit: Duration) -> Duration {
        limit / CHECKS
    }

    /// The silence that makes a hang.
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Looks at the counter.
    pub(super) fn check(&mut self, count: u64) -> Liveness {
        if count != self.last {
            self.last = count;
            self.silent = 0;
            return Liveness::Alive;
        }
        self.silent = self.silent.saturating_add(1);
        if self.silent == CHECKS {
            Liveness::Hung
        } else {
            Liveness::Alive
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_silent_checks_in_a_row_are_a_hang_told_once() {
        let mut detector = HangDetector::new(Duration::from_secs(4), 0);
        let findings: Vec<_> = [0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]
            .into_iter()
            .enumerate()
            .filter(|&(_, count)| detector.check(count) == Liveness::Hung)
            .map(|(nth, _)| nth)
            .collect();
        assert_eq!(findings, [7, 13]);
    }
}

//! Telling a hang from a slow machine: counting checks, not seconds.

use std::time::Duration;

/// Checks without a sign of life that make a hang.
const CHECKS: u32 = 4;

/// Watches a counter that something alive keeps raising.
///
/// After SIGSTOP, a paused virtual machine or a long stall of the checker itself, the clock has
/// moved on but nobody had a chance to run. So silence is measured in checks, [`CHECKS`] of them in
/// a row, one each [`Silence::every`].
#[derive(Debug)]
pub(super) struct Silence {
    limit: Duration,
    last: u64,
    silent: u32,
}

/// What one check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It moved, or was silent for too short a time to tell.
    Fine,
    /// It has just been silent for the limit; told once per silence.
    Hung,
}

impl Silence {
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
    pub(super) fn check(&mut self, count: u64) -> Finding {
        if count != self.last {
            self.last = count;
            self.silent = 0;
            return Finding::Fine;
        }
        self.silent = self.silent.saturating_add(1);
        if self.silent == CHECKS {
            Finding::Hung
        } else {
            Finding::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_silent_checks_in_a_row_are_a_hang_told_once() {
        let mut silence = Silence::new(Duration::from_secs(4), 0);
        let findings: Vec<_> = [0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]
            .into_iter()
            .enumerate()
            .filter(|&(_, count)| silence.check(count) == Finding::Hung)
            .map(|(nth, _)| nth)
            .collect();
        assert_eq!(findings, [7, 13]);
    }
}

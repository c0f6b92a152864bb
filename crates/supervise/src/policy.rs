//! When to restart and how soon: a budget, a back-off, and the history they are applied to.

use std::time::{Duration, Instant};

use porthole_backoff::{Backoff, draw};

use super::budget::{Budget, CrashAction, CrashWindow};

/// How one actor is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many crashes are forgiven.
    pub budget: Budget,
    /// How long each restart waits. Crashes that left the budget's window no longer lengthen the
    /// wait.
    pub backoff: Backoff,
}

/// One actor's crashes so far, and what the policy says to each.
#[derive(Debug)]
pub(super) struct CrashHistory {
    policy: Policy,
    window: CrashWindow,
    total: u64,
    seed: String,
}

/// The policy's answer to one crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Restart or escalate.
    pub(super) action: CrashAction,
    /// How long to wait before the restart.
    pub(super) after: Duration,
    /// Crashes in the window, this one included.
    pub(super) in_window: u32,
    /// Crashes since the program started, this one included.
    pub(super) total: u64,
}

impl CrashHistory {
    /// No crash yet. `seed` sets the jitter apart from that of other actors.
    pub(super) fn new(policy: Policy, seed: &str) -> Self {
        Self {
            policy,
            window: CrashWindow::new(policy.budget),
            total: 0,
            seed: seed.to_owned(),
        }
    }

    /// Counts a crash at `now`.
    pub(super) fn crash(&mut self, now: Instant) -> Decision {
        self.total = self.total.saturating_add(1);
        let (action, in_window) = self.window.crash(now);
        Decision {
            action,
            after: self
                .policy
                .backoff
                // The first restart does not wait.
                .after(in_window.saturating_sub(1), draw(&self.seed, self.total)),
            in_window,
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_the_window_and_start_over_after_it() {
        let second = Duration::from_secs(1);
        let mut history = CrashHistory::new(
            Policy {
                budget: Budget {
                    restarts: 3,
                    window: 10 * second,
                },
                backoff: Backoff::new(second, 8 * second, 0).unwrap(),
            },
            "root/test",
        );
        let start = Instant::now();
        let waits: Vec<_> = (0..3).map(|_| history.crash(start).after).collect();
        assert_eq!(waits, [Duration::ZERO, second, 2 * second]);

        let later = history.crash(start + 10 * second);
        assert_eq!(
            (later.action, later.after, later.in_window, later.total),
            (CrashAction::Restart, Duration::ZERO, 1, 4)
        );
    }
}

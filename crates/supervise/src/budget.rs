//! How many crashes are too many: a sliding window, as in Erlang/OTP's restart intensity.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The crashes an actor is forgiven: `restarts` of them within any `window`. The next one
/// escalates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Crashes followed by a restart. With 0 the first crash escalates.
    pub restarts: u32,
    /// For how long a crash counts. One that is exactly this old no longer does.
    pub window: Duration,
}

/// What one crash leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CrashAction {
    /// Within the budget.
    Restart,
    /// Past it.
    Escalate,
}

/// The recent crashes of one actor. Holds at most `budget.restarts` instants.
#[derive(Clone, Debug)]
pub(super) struct CrashWindow {
    budget: Budget,
    crashes: VecDeque<Instant>,
}

impl CrashWindow {
    /// A window without a crash in it.
    pub(super) const fn new(budget: Budget) -> Self {
        Self {
            budget,
            crashes: VecDeque::new(),
        }
    }

    /// Counts a crash at `now`, which must not lie before the one counted last.
    ///
    /// Returns the action and how many crashes the window holds, this one included.
    pub(super) fn crash(&mut self, now: Instant) -> (CrashAction, u32) {
        let window = self.budget.window;
        while self
            .crashes
            .front()
            .is_some_and(|&then| now.saturating_duration_since(then) >= window)
        {
            self.crashes.pop_front();
        }
        // At most `restarts` are held, so the count fits.
        let in_window = self.crashes.len() as u32;
        if in_window >= self.budget.restarts {
            return (CrashAction::Escalate, in_window.saturating_add(1));
        }
        self.crashes.push_back(now);
        (CrashAction::Restart, in_window + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_sixth_crash_in_the_window_of_five_escalates() {
        let mut window = CrashWindow::new(Budget {
            restarts: 5,
            window: 60 * SECOND,
        });
        let start = Instant::now();
        for nth in 1..=5 {
            assert_eq!(
                window.crash(start + nth * SECOND),
                (CrashAction::Restart, nth),
                "crash {nth}"
            );
        }
        assert_eq!(window.crash(start + 6 * SECOND), (CrashAction::Escalate, 6));
    }

    #[test]
    fn a_crash_as_old_as_the_window_is_forgiven() {
        let mut window = CrashWindow::new(Budget {
            restarts: 1,
            window: 10 * SECOND,
        });
        let start = Instant::now();
        assert_eq!(window.crash(start).0, CrashAction::Restart);
        assert_eq!(window.crash(start + 10 * SECOND), (CrashAction::Restart, 1));
        assert_eq!(
            window.crash(start + 19 * SECOND),
            (CrashAction::Escalate, 2)
        );
    }

    #[test]
    fn without_a_budget_the_first_crash_escalates() {
        let mut window = CrashWindow::new(Budget {
            restarts: 0,
            window: SECOND,
        });
        assert_eq!(window.crash(Instant::now()), (CrashAction::Escalate, 1));
    }

    proptest! {
        /// Against a model that keeps the whole history and counts it anew each time.
        #[test]
        fn the_window_agrees_with_counting_the_whole_history(
            restarts in 0_u32..8,
            window_ms in 0_u64..400,
            gaps_ms in prop::collection::vec(0_u64..200, 0..80),
        ) {
            let window_length = Duration::from_millis(window_ms);
            let mut window = CrashWindow::new(Budget { restarts, window: window_length });
            let mut forgiven: Vec<Instant> = Vec::new();
            let mut now = Instant::now();
            for gap in gaps_ms {
                now += Duration::from_millis(gap);
                let recent = forgiven.iter().filter(|&&then| now - then < window_length).count();
                let expected = if recent < restarts as usize {
                    forgiven.push(now);
                    CrashAction::Restart
                } else {
                    CrashAction::Escalate
                };
                prop_assert_eq!(window.crash(now), (expected, recent as u32 + 1));
                prop_assert!(window.crashes.len() <= restarts as usize);
            }
        }
    }
}

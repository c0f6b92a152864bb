//! Time as the table takes it: whatever its owner counts in.

use std::time::{Duration, Instant};

/// A point in time of one clock that never goes back.
pub trait TimePoint: Copy + Ord {
    /// The point so much later; `None` past what the type can hold.
    #[must_use]
    fn later(self, by: Duration) -> Option<Self>;

    /// How long it is from `earlier` to this point; zero where it is the other way round.
    #[must_use]
    fn since(self, earlier: Self) -> Duration;
}

/// The clock of the machine, for a router that runs.
impl TimePoint for Instant {
    fn later(self, by: Duration) -> Option<Self> {
        self.checked_add(by)
    }

    fn since(self, earlier: Self) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

/// What has passed since the start of a simulation.
impl TimePoint for Duration {
    fn later(self, by: Duration) -> Option<Self> {
        self.checked_add(by)
    }

    fn since(self, earlier: Self) -> Duration {
        self.saturating_sub(earlier)
    }
}

//! The monotonic clock, in the unit of the rules.

use std::time::{Duration, Instant, SystemTime};

use porthole_election::Timestamp;

/// Counts milliseconds since the program started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// What time it was then.
    pub fn at(&self, instant: Instant) -> Timestamp {
        Timestamp(0) + instant.saturating_duration_since(self.origin)
    }

    /// How long the program has been running.
    pub fn uptime(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The wall-clock time of a moment, for people; the wall clock may be set meanwhile, so nothing
    /// is decided by it.
    pub fn wall(&self, moment: Timestamp) -> SystemTime {
        let now = self.now();
        if moment >= now {
            SystemTime::now() + moment.after(now)
        } else {
            SystemTime::now() - now.after(moment)
        }
    }
}

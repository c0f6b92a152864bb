//! The constants of the election, all of them spans of time or ports.

use std::time::Duration;

use crate::ids::ExternalPort;
use crate::settings::PortRange;

/// What the rules are told once, from the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whoever this port is mapped to is the representative (claim 1: the predetermined port number).
    pub representative_port: ExternalPort,
    /// The ports for everybody else.
    pub range: PortRange,
    /// Lease of the representative's mapping: short, so that a dead one makes room.
    pub representative_lease: Duration,
    /// Lease of everybody else's mapping.
    pub lease: Duration,
}

impl Rules {
    /// How often the representative renews a lease of this length: four times in it.
    pub fn renewal(lease: Duration) -> Duration {
        lease / 4
    }

    /// What the representative takes off a lease before it stops believing: an eighth of it, for a
    /// router whose clock runs fast. What is left holds three renewals (facts of the model checking:
    /// a margin over a quarter breaks "one lost packet changes nothing").
    pub fn margin(lease: Duration) -> Duration {
        lease / 8
    }

    /// How soon a renewal that failed is tried again while the router answers at all: there is no
    /// time to lose before the deadline.
    pub fn retry(&self) -> Duration {
        self.representative_lease / 16
    }

    /// How soon a port that could not be had is asked for again, after so many failures in a row: the
    /// same at first, doubling, so that a router that goes on refusing is left in peace.
    pub fn patience(&self, failures: u32) -> Duration {
        const LONGEST: Duration = Duration::from_mins(5);
        let doubled = 1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.retry().saturating_mul(doubled).min(LONGEST)
    }

    /// How long a server rests when every port of the range is taken.
    pub fn rest(&self) -> Duration {
        self.representative_lease
    }
}

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
    /// How often the representative renews: four times a lease.
    pub fn office_renewal(&self) -> Duration {
        self.representative_lease / 4
    }

    /// What the representative takes off its lease before it stops believing: an eighth of it, for a
    /// router whose clock runs fast. What is left holds three renewals (facts of the model checking:
    /// a margin over a quarter breaks "one lost packet changes nothing").
    pub fn margin(&self) -> Duration {
        self.representative_lease / 8
    }

    /// How soon a failed request is tried again while the router answers at all.
    pub fn retry(&self) -> Duration {
        self.representative_lease / 16
    }

    /// How long a server rests when every port of the range is taken.
    pub fn rest(&self) -> Duration {
        self.representative_lease
    }
}

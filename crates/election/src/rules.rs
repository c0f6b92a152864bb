//! The constants of the election, all of them spans of time or ports.

use std::collections::BTreeSet;
use std::time::Duration;

use porthole_backoff::Backoff;

use super::Entropy;
use super::entropy::fraction;
use crate::{Detection, Succession};
use porthole_types::PortRange;
use porthole_types::{ExternalPort, InstanceId};

/// What the rules are told once, from the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Who this server is.
    pub me: InstanceId,
    /// Whoever this port is mapped to is the representative (claim 1: the predetermined port
    /// number).
    pub representative_port: ExternalPort,
    /// The ports for everybody else.
    pub range: PortRange,
    /// Lease of the representative's mapping: short, so that one that failed makes room.
    pub representative_lease: Duration,
    /// Lease of everybody else's mapping.
    pub lease: Duration,
    /// Time between two Inquiries; the unit of every other wait on the LAN.
    pub heartbeat: Duration,
    /// Inquiries or probes missed in a row before acting: 2 or 3 (¶76).
    pub missed_limit: u32,
    /// What counts as a sign that the representative is gone.
    pub detection: BTreeSet<Detection>,
    /// Who takes its place.
    pub succession: Succession,
    /// Whether the servers speak with each other at all.
    pub lan: LanMessaging,
}

/// Whether the servers speak with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LanMessaging {
    /// They do: silence means something.
    Enabled,
    /// They do not: only the router knows anything.
    Disabled,
}

impl Rules {
    /// How often the representative renews a lease of this length: four times in it, and at least
    /// three times before its own deadline (as the model checking shows: fewer break "one lost
    /// packet changes nothing").
    pub fn renewal(lease: Duration) -> Duration {
        (lease / 4).min(lease.saturating_sub(Self::margin(lease)) / 3)
    }

    /// What the representative takes off a lease before it stops believing: an eighth of it, for a
    /// router whose clock runs fast; and no less than the second by which a router that counts
    /// in whole ones may be early, with a thousandth of the lease for this server's own clock,
    /// which may be slow.
    pub fn margin(lease: Duration) -> Duration {
        const TICK: Duration = Duration::from_secs(1);
        (lease / 8).max(TICK + lease / 1024)
    }

    /// How soon a renewal that failed is tried again while the router answers at all: there is no
    /// time to lose before the deadline.
    pub fn retry(&self) -> Duration {
        self.representative_lease / 16
    }

    /// How long before its end a mapping is made anew where leases are not extended: late, for it
    /// interrupts; early enough for one more try.
    pub fn remake_before(&self) -> Duration {
        self.retry().max(self.heartbeat / 2)
    }

    /// How soon a port that could not be had is asked for again, after so many failures in a row:
    /// the same at first, doubling, so that a router that goes on refusing is left in peace.
    pub fn patience(&self, failures: u32) -> Duration {
        const LONGEST: Duration = Duration::from_mins(5);
        Backoff::new(self.retry().min(LONGEST), LONGEST, 0)
            .unwrap_or(Backoff::NONE) // only a lease of no time at all has a retry of none
            .after(failures.max(1), 0)
    }

    /// How long a server rests when every port of the range is taken.
    pub fn rest(&self) -> Duration {
        self.representative_lease
    }

    /// How late a message may come without counting as missed.
    pub fn slack(&self) -> Duration {
        self.heartbeat / 8
    }

    /// How long the answer to a direct question may take.
    pub fn reply_wait(&self) -> Duration {
        self.heartbeat / 4
    }

    /// How long a claimant waits for anybody to object.
    pub fn claim_window(&self) -> Duration {
        self.heartbeat / 8
    }

    /// How long one successor is given before the next in order believes it to be gone too (¶77).
    pub fn slot(&self) -> Duration {
        self.heartbeat / 4
    }

    /// The longest random or server-specific wait before a Claim (¶69).
    pub fn longest_wait(&self) -> Duration {
        self.heartbeat / 2
    }

    /// How long a representative or a successor may be silent before it counts as gone.
    pub fn silence(&self) -> Duration {
        self.heartbeat * self.missed_limit + self.slack()
    }

    /// The time between two probes: random, so that the servers do not ask all at once (¶80).
    pub fn probe_interval(&self, entropy: Entropy) -> Duration {
        entropy.between(self.heartbeat / 2, self.heartbeat * 3 / 2)
    }

    /// This server's own wait before its Claim (claim 12), from a hash of its id.
    pub fn own_wait(&self) -> Duration {
        fraction(server_value(self.me), self.longest_wait())
    }
}

/// The value that the server-specific order goes by: the lower one wins. A mixing function
/// (`splitmix64`), so that ids drawn one after the other do not stand next to each other.
pub fn server_value(id: InstanceId) -> u64 {
    let mut mixed = id.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

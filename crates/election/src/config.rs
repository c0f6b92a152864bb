//! What people decide about rotation: how a missing representative is noticed, who takes its place,
//! and whether this server takes part at all.

use porthole_types::choice;
use serde::{Deserialize, Serialize};

choice!(
    /// How a missing representative is noticed; several work together.
    Detection {
        /// It said so itself (claims 9 and 12).
        Withdrawal = "withdrawal",
        /// Its Inquiries stopped coming (claims 11 and 14).
        Heartbeat = "heartbeat",
        /// It left probes unanswered (claim 15).
        Probe = "probe",
    }
);

choice!(
    /// Who takes the place of a missing representative.
    Succession {
        /// The next external port in order (claims 11 and 14).
        PortOrder = "port-order",
        /// Whoever's random wait ends first (claims 9 and 10).
        Random = "random",
        /// Whoever's own value gives the shortest wait (claims 12 and 13).
        ServerValue = "server-value",
    }
);

/// How many heartbeats missed in a row mean that the representative is gone (¶76: two, or three to
/// be surer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedLimit {
    /// The default: one lost heartbeat alone ends nothing.
    Two,
    /// Slower, and surer on a lossy LAN.
    Three,
}

impl MissedLimit {
    /// The plain number.
    #[must_use]
    pub const fn get(self) -> u8 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

/// Whether this server is to be reached from outside at all.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum RemoteAccess {
    /// It asks the router for a port.
    #[default]
    On,
    /// It gives back what it has, asks for nothing, and stays on the LAN.
    Off,
}

//! The switch of ¶84.

use serde::{Deserialize, Serialize};

/// Whether this server is to be reached from outside at all.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Exposure {
    /// It asks the router for a port.
    #[default]
    On,
    /// It gives back what it has, asks for nothing, and stays on the LAN.
    Off,
}

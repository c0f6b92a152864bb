//! What a router says of its Internet side.

use serde::Serialize;

/// Whether the router's Internet side is up (UPnP `ConnectionStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Connection {
    /// The router says `Connected`.
    Up,
    /// Any other state it names.
    Down,
    /// It does not say.
    Unknown,
}

/// What the router says about itself (UPnP `GetStatusInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its Internet side.
    pub connection: Connection,
    /// Seconds its connection has been up. When this goes down, the router restarted: its table
    /// may be gone.
    pub uptime_seconds: Option<u64>,
}

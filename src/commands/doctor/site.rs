//! What doctor knows when it begins to try things.

use std::net::SocketAddrV4;

use porthole_gateway::Table;

/// What is known before anything is tried.
pub(super) struct Site {
    /// Where mappings of this machine's server lead.
    pub(super) internal: SocketAddrV4,
    /// The router's table, where it can be read.
    pub(super) table: Option<Table>,
    /// Its answers take so long that not all is tried.
    pub(super) is_slow: bool,
}

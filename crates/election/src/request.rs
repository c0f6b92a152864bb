//! What can be asked of the router.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Asked;
use porthole_types::ExternalPort;

/// One thing to ask of the router. Each can be asked twice without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// Map the port to this server unless it is somebody else's; read it back.
    Secure {
        /// The router's port to map.
        port: ExternalPort,
        /// The lease to ask for.
        lease: Duration,
        /// Whether what stands there may be this server's.
        asked: Asked,
    },
    /// Delete this server's mapping of the port and make it anew, for routers that do not extend a
    /// lease; read it back. For a moment the port is nobody's.
    Remake {
        /// The router's port to map.
        port: ExternalPort,
        /// The lease to ask for.
        lease: Duration,
    },
    /// Delete the mapping of the port if it is, or may be, this server's; read it back.
    Release(ExternalPort),
    /// Delete the mapping of the port if it leads to this failed server; read it back (¶71 step
    /// 60).
    Evict {
        /// The router's port whose mapping is deleted.
        port: ExternalPort,
        /// The only device whose mapping may be deleted.
        from: Ipv4Addr,
    },
}

impl Request {
    /// The port it is about.
    pub fn port(self) -> ExternalPort {
        match self {
            Self::Secure { port, .. }
            | Self::Remake { port, .. }
            | Self::Evict { port, .. }
            | Self::Release(port) => port,
        }
    }
}

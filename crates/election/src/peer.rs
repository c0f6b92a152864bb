//! Other servers and other devices, as messages and the router name them.

use std::net::Ipv4Addr;

use porthole_types::InstanceId;

/// Another server, as a message names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// Who it says it is.
    pub id: InstanceId,
    /// Where the message came from.
    pub address: Ipv4Addr,
}

/// Where a mapping of somebody else leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The device on the LAN.
    pub address: Ipv4Addr,
    /// Whether its description says that it is a server of this kind.
    pub kind: OwnerKind,
}

/// Whether a mapping was made by a server like this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// Its description says so.
    Porthole,
    /// It does not: another program made the mapping.
    Foreign,
}

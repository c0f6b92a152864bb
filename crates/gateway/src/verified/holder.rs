//! Who holds a port, as the router shows it.

use std::net::SocketAddrV4;

use porthole_types::ExternalPort;

use crate::entry::MappingEntry;
use crate::error::Error;
use crate::gateway::Gateway;

/// Who holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody: the router shows no entry for it.
    Free,
    /// This server, with the entry that leads here.
    Ours(MappingEntry),
    /// Another device; nothing more is known where the router hides the entry from us.
    Theirs(Option<MappingEntry>),
}

/// Who holds this port now: what re-adopting after a restart, and checking again later, rest on.
///
/// # Errors
/// When the router cannot be asked, or its answer cannot be read.
pub async fn holder(
    gateway: &dyn Gateway,
    port: ExternalPort,
    ours: SocketAddrV4,
) -> Result<Holder, Error> {
    match gateway.entry(port).await {
        Ok(None) => Ok(Holder::Free),
        Ok(Some(entry)) if entry.points_to(ours) => Ok(Holder::Ours(entry)),
        Ok(Some(entry)) => Ok(Holder::Theirs(Some(entry))),
        // "Not for you": somebody's, and the router does not say whose (WANIPConnection:2, section
        // 2.3.1).
        Err(error) if error.refusal() == Some(606) => Ok(Holder::Theirs(None)),
        Err(error) => Err(error),
    }
}

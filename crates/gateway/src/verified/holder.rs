//! Who holds a port, as the router shows it.

use std::net::SocketAddrV4;

use porthole_types::ExternalPort;

use crate::entry::{MappingEntry, Whose};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::reading::Reading;

/// Who holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody: the router shows no entry for it.
    Free,
    /// This server, with the entry that leads here.
    Ours(MappingEntry),
    /// Another device; nothing more is known where the router hides the entry from us.
    Theirs(Option<MappingEntry>),
    /// Somebody: the router does not show whose it is in a way that can be read (a host name, a
    /// MAC, nothing).
    Unclear(MappingEntry),
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
        Ok(Some(entry)) => Ok(Holder::of(entry, ours)),
        // "Not for you": somebody's, and the router does not say whose (WANIPConnection:2, section
        // 2.3.1).
        Err(error) if error.refusal() == Some(606) => Ok(Holder::Theirs(None)),
        Err(error) => Err(error),
    }
}

/// The same, with a second look where the router shows nothing: some list what they do not show
/// when they are asked for the port.
pub(super) async fn holder_looked_up(
    gateway: &dyn Gateway,
    port: ExternalPort,
    ours: SocketAddrV4,
    reading: &mut Reading,
) -> Result<Holder, Error> {
    let mut holder = holder(gateway, port, ours).await?;
    if holder == Holder::Free
        && let Ok(Some(entry)) = gateway.listed(port).await
    {
        holder = Holder::of(entry, ours);
    }
    holder.teach(reading);
    Ok(holder)
}

impl Holder {
    fn of(entry: MappingEntry, ours: SocketAddrV4) -> Self {
        match entry.whose(ours) {
            Whose::Ours => Self::Ours(entry),
            Whose::Another => Self::Theirs(Some(entry)),
            Whose::Unclear => Self::Unclear(entry),
        }
    }

    /// What it says of how the router shows its mappings.
    pub(super) fn teach(&self, reading: &mut Reading) {
        if *self != Self::Free {
            reading.saw_a_mapping();
        }
    }
}

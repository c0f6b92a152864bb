//! The router's table, reduced to what is Porthole's (claim 5, Embodiment 3).

use std::net::SocketAddrV4;

use porthole_gateway::{Description, Protocol, Table};
use porthole_types::ExternalPort;

/// A server that the router's table knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Its port on the router.
    pub external: ExternalPort,
    /// Where the router forwards it.
    pub lan: SocketAddrV4,
    /// Its name, from the description.
    pub name: String,
}

/// The entries that are Porthole's, told by their description (¶66: "specific information included
/// in the comment statements"); everybody else's are passed over.
pub fn mapped(table: &Table) -> Vec<Mapped> {
    table
        .entries
        .iter()
        .filter(|entry| entry.protocol == Protocol::Tcp && entry.enabled)
        .filter_map(|entry| {
            let name = Description::name_of(&entry.description)?;
            Some(Mapped {
                external: entry.external,
                lan: SocketAddrV4::new(entry.client_address()?, entry.internal?.get()),
                name: name.to_owned(),
            })
        })
        .collect()
}

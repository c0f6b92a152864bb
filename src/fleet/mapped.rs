//! The router's table, reduced to what is Porthole's (claim 5, Embodiment 3).

use std::net::SocketAddrV4;

use porthole_gateway::{Description, Protocol, Table};
use porthole_types::ExternalPort;

/// A server that has a mapping in the router's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedServer {
    /// Its port on the router.
    pub external: ExternalPort,
    /// The address and port on the LAN that the router forwards to.
    pub lan: SocketAddrV4,
    /// Its name, from the mapping's description.
    pub name: String,
}

/// The enabled TCP mappings that are Porthole's, told by their description (¶66: "specific
/// information included in the comment statements"); everybody else's are passed over.
pub fn mapped_servers(table: &Table) -> Vec<MappedServer> {
    table
        .entries
        .iter()
        .filter(|entry| entry.protocol == Protocol::Tcp && entry.enabled)
        .filter_map(|entry| {
            let name = Description::name_of(&entry.description)?;
            Some(MappedServer {
                external: entry.external,
                lan: SocketAddrV4::new(entry.client_address()?, entry.internal?.get()),
                name: name.to_owned(),
            })
        })
        .collect()
}

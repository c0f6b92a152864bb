//! What to tell a person where only a person can delete an entry, in the router's own pages. Pure.

use std::net::Ipv4Addr;

use porthole_types::ExternalPort;

use crate::entry::MappingEntry;

/// Which entry is in the way, as the router's own pages show it. It quotes what the entry's owner
/// wrote.
#[must_use]
pub fn blocking_mapping(entry: &MappingEntry) -> String {
    let (port, client) = (entry.external, &entry.client);
    match entry.description.as_str() {
        "" => format!("Port {port} of the router still leads to {client}."),
        description => format!(
            "Port {port} of the router still leads to {client} (\u{201c}{description}\u{201d})."
        ),
    }
}

/// What to do about it. Most routers have their pages on port 80 of the address that they have on
/// the LAN.
#[must_use]
pub fn instructions(port: ExternalPort, router: Option<Ipv4Addr>) -> String {
    let place = router.map_or(String::new(), |address| {
        format!(", most likely at http://{address}/")
    });
    format!("Delete the entry for port {port} in the router's own pages{place}.")
}

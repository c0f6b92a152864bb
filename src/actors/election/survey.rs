//! What the router's table says to the rules.

use std::net::SocketAddrV4;

use porthole_election::{Event, Ownership, SurveyExtent};
use porthole_gateway::{Description, Extent, MappingEntry, Protocol, Table, Whose};
use porthole_types::ExternalPort;

/// A mapping of this server on one port of the router, as it would be.
pub(super) struct OwnMapping {
    /// Where it leads.
    pub(super) internal: SocketAddrV4,
    /// How it is described.
    pub(super) description: Description,
}

/// One reading of the table, as the rules are told of it.
pub(super) fn of(table: &Table, own: impl Fn(ExternalPort) -> Option<OwnMapping>) -> Event {
    let whose = |entry: &MappingEntry| match own(entry.external) {
        Some(own) => whose(entry, &own),
        None => Ownership::Theirs,
    };
    let tcp = table
        .entries
        .iter()
        .filter(|entry| entry.protocol == Protocol::Tcp);
    let seen = match table.extent {
        Extent::Whole => SurveyExtent::Whole,
        Extent::Partial => SurveyExtent::Part,
    };
    Event::Surveyed {
        holders: tcp.map(|entry| (entry.external, whose(entry))).collect(),
        seen,
    }
}

fn whose(entry: &MappingEntry, own: &OwnMapping) -> Ownership {
    let same_device = entry.client_address() == Some(*own.internal.ip());
    match entry.whose(own.internal) {
        Whose::Ours => match Description::name_of(&entry.description) {
            Some(_) => Ownership::Mine,
            None => Ownership::LeadsHere,
        },
        // To another port of this device: of a run with other settings, or the router made it
        // otherwise than it was asked to.
        Whose::Another if same_device && entry.description == own.description.as_str() => {
            Ownership::Mine
        }
        Whose::Another => Ownership::Theirs,
        Whose::Unclear => Ownership::Unclear,
    }
}

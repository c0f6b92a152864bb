//! What the router's table says to the rules.

use std::net::SocketAddrV4;

use porthole_election::{Event, Ownership, SurveyExtent};
use porthole_gateway::{Description, Extent, MappingEntry, Protocol, Table, Whose};
use porthole_types::ExternalPort;

/// One reading of the table, as the rules are told of it. `ours` is where a mapping of this server
/// on that port of the router would lead.
pub(super) fn of(table: &Table, ours: impl Fn(ExternalPort) -> Option<SocketAddrV4>) -> Event {
    let whose = |entry: &MappingEntry| match ours(entry.external).map(|ours| entry.whose(ours)) {
        Some(Whose::Ours) => match Description::name_of(&entry.description) {
            Some(_) => Ownership::Mine,
            None => Ownership::LeadsHere,
        },
        Some(Whose::Another) | None => Ownership::Theirs,
        Some(Whose::Unclear) => Ownership::Unclear,
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

//! What the router's table says to the rules.

use std::net::SocketAddrV4;

use porthole_election::{Event, Ownership, SurveyExtent};
use porthole_gateway::{Description, Extent, MappingEntry, Protocol, Table, Whose};
use porthole_types::ExternalPort;

/// One reading of the table, as the rules are told of it. A mapping of this server on a port of the
/// router would lead to `ours`, described as `described`.
pub(super) fn of(
    table: &Table,
    ours: impl Fn(ExternalPort) -> Option<SocketAddrV4>,
    described: impl Fn(ExternalPort) -> Description,
) -> Event {
    // To another port of this device: of a run with other settings, or the router made it otherwise
    // than it was asked to.
    let leads_aside = |entry: &MappingEntry, ours: SocketAddrV4| {
        entry.client_address() == Some(*ours.ip())
            && entry.description == described(entry.external).as_str()
    };
    let whose = |entry: &MappingEntry| {
        let Some(ours) = ours(entry.external) else {
            return Ownership::Theirs;
        };
        match entry.whose(ours) {
            Whose::Ours => match Description::name_of(&entry.description) {
                Some(_) => Ownership::Mine,
                None => Ownership::LeadsHere,
            },
            Whose::Another if leads_aside(entry, ours) => Ownership::Mine,
            Whose::Another => Ownership::Theirs,
            Whose::Unclear => Ownership::Unclear,
        }
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

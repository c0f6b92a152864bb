//! What the router's table says to the rules.

use std::net::Ipv4Addr;

use porthole_election::{Event, Ownership, SurveyExtent};
use porthole_gateway::{Entry, Extent, Protocol, Table};

/// One reading of the table, as the rules are told of it. `me` is this server's address.
pub(super) fn of(table: &Table, me: Option<Ipv4Addr>) -> Event {
    let whose = |entry: &Entry| match entry.client_address() {
        Some(client) if Some(client) == me => Ownership::Mine,
        _ => Ownership::Theirs,
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

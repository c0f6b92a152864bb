//! The same rules in a model checker: every order of events, every choice of which message or
//! answer is lost and who crashes when, within the budgets of a [`Site`]. What the simulation meets
//! by chance is here met for certain, in a smaller world: three, four or five servers, a few lost
//! messages, crashes and delayed answers, whole heartbeats.
//!
//! Messages between servers arrive at once or not at all; what the router does to a request and its
//! answer are steps of their own, and time may pass before, between and after them. A port of the
//! range is had for the asking. The router is an honest one, or misleads in one way of its own.

mod actions;
mod properties;
mod router;
mod run;
mod site;
mod world;

use std::net::Ipv4Addr;
use std::time::Duration;

use porthole_election::Peer;
use porthole_types::InstanceId;

/// The heartbeat.
const T: Duration = Duration::from_secs(1);
/// The representative's lease.
const LEASE: Duration = Duration::from_secs(4);

fn address(who: usize) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 1, 10 + who as u8)
}

fn peer(who: usize) -> Peer {
    Peer {
        id: InstanceId(who as u64 + 1),
        address: address(who),
    }
}

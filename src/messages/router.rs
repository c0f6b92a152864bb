//! To the router actor.

use std::net::SocketAddrV4;

use actix::Message;

use porthole_election::{Event, Request};

/// From the election: make, renew or delete a mapping. The answer is the event that the rules are
/// to be told, a failure too. A crash of the router actor means that the outcome is unknown, and
/// that the request is made again.
#[derive(Message)]
#[rtype(result = "Event")]
pub struct AskRouter {
    /// What the rules want of the router.
    pub request: Request,
    /// The address and port of this server that the mapping is to lead to.
    pub internal: SocketAddrV4,
    /// The name to store in the table together with the port (¶51).
    pub name: String,
    /// Which of this server's two mappings the request is about.
    pub mapping: MappingKind,
}

/// Which of a server's two mappings is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingKind {
    /// That of the representative port.
    Representative,
    /// That of its own port, of the range.
    Own,
}

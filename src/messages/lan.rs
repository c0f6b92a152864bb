//! To the lan actor.

use std::net::Ipv4Addr;

use actix::Message;

use crate::lan::NotDone;
use porthole_election::{Destination, ElectionMessage};
use porthole_types::{InstanceId, Name};

/// From the election: send this on the LAN, to everybody twice. Lost like on the network where the
/// mailbox is full.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SendElectionMessage {
    /// One server, or all.
    pub to: Destination,
    /// What the rules have to say.
    pub message: ElectionMessage,
}

/// From the web server: ask another server to take this name (¶53). Answered when it has, or when
/// it has refused or not answered; a crash of the lan actor leaves that unknown.
#[derive(Message)]
#[rtype(result = "Result<(), NotDone>")]
pub struct RenameCamera {
    /// The server that is to be renamed.
    pub id: InstanceId,
    /// The address that it was last heard from.
    pub address: Ipv4Addr,
    /// Its new name; none for the one of its settings.
    pub name: Option<Name>,
}

/// From the root, when the program ends: answered when what was sent to everybody has been sent
/// for the second time.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FlushRepeats;

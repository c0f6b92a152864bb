//! To the election actor.

use actix::Message;

use porthole_election::{ElectionMessage, Peer, RemoteAccess};
use porthole_types::{ExternalPort, Term};

/// From the lan actor: another server has sent this message. Lost like on the network where the
/// mailbox is full.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DeliverElectionMessage {
    /// The sender, whose datagram the inbound filter has let through.
    pub from: Peer,
    /// What it says.
    pub message: ElectionMessage,
}

/// From the registry: another server has reported itself. Lost where the mailbox is full: the next
/// report says the same.
#[derive(Message)]
#[rtype(result = "()")]
pub struct NoteReport {
    /// The server that reports.
    pub from: Peer,
    /// Its port on the router, if it has one.
    pub external: Option<ExternalPort>,
    /// The newest term that it knows of.
    pub term: Term,
}

/// From the web server: give up the leadership and stay in the fleet. Answered as soon as the step
/// is taken; the router is asked after that.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StepDown;

/// From the web server: people turn the switch of ¶84. Answered as soon as the step is taken; the
/// router is asked after that.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetRemoteAccess(pub RemoteAccess);

/// From the root, when the program ends: delete this server's mappings. Answered when none is on
/// the router any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct GiveUpMappings;

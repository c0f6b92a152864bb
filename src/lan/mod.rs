//! What the servers say to each other on the LAN: UDP, one datagram a message.
//!
//! | file | concept |
//! |---|---|
//! | `message` | a message: [`Report`]s of oneself (¶47, ¶64), and the election's words |
//! | `seal` | the frame around it, signed with the site's key |
//! | `limit`, `replay` | how much is listened to; that nothing counts twice |
//! | `inbound_filter` | all of that in order: the door, without a socket or a clock |
//! | `sender` | the other way: each message with the next number |
//! | `sockets`, `multicast`, `broadcast` | the three transports (claim 4) |
//! | `listen` | reading the sockets, through the gate |
//! | `request` | what one asks another to do |
//! | `anti_entropy` | who knows other things about logins, and when to tell it |
//! | `peers` | where the others are |
//! | `reporting` | when this server reports itself |
//! | `interface`, `client_network` | which of the machine's addresses is the LAN; whether a client is on it |
//!
//! Why it is built so, and what an attacker can still do: `docs/design/lan.md`.

mod anti_entropy;
mod broadcast;
mod client_network;
mod inbound_filter;
pub mod interface;
mod kind;
mod limit;
mod listen;
mod message;
mod multicast;
mod peers;
mod rejection;
mod replay;
mod reporting;
mod request;
mod seal;
mod sender;
mod sockets;
mod udp;

#[cfg(test)]
mod tests;

pub use anti_entropy::{AntiEntropy, Digests};
pub use client_network::ClientNetwork;
pub use inbound_filter::InboundFilter;
pub use kind::MessageKind;
pub use listen::{Admitted, listen};
pub use message::{Body, Message};
pub use peers::Peers;
pub use rejection::{KeyMismatch, Rejection, RejectionReason};
pub use reporting::{Answer, Reporting};
pub use request::{
    ASK_AGAIN, Next, NotDone, Outcome, PendingRequests, Renaming, RequestId, Served, Turn,
};
pub use seal::{Keyring, MAX_JSON};
pub use sender::Sender;
pub use sockets::{Port, Sockets};
pub use udp::MAX_DATAGRAM;

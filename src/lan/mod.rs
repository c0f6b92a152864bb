//! What the servers send to each other on the LAN: UDP, one datagram a message.
//!
//! | file | concept |
//! |---|---|
//! | `message`, `kind` | a message: reports of oneself, those of the election, requests |
//! | `seal` | the frame around it, sealed with the site's key |
//! | `limit` | how much is listened to |
//! | `handshake`, `replay` | a server shows that it is there now; nothing counts twice |
//! | `inbound_filter`, `rejection` | all of that in order; why a datagram is dropped |
//! | `sender` | the other direction: each message with the next number |
//! | `sockets`, `udp`, `multicast`, `broadcast` | the three transports (claim 4) |
//! | `listen` | reading the sockets, through the filter |
//! | `request` | what one server asks another to do |
//! | `anti_entropy` | which servers know other logins, and when to send them ours |
//! | `peers` | the addresses of the others |
//! | `reporting` | when this server reports itself |
//! | `interface`, `client_network` | which address is the LAN's; whether a client is on it |
//!
//! Why it is built so, and what an attacker can still do: `docs/design/lan.md`.

mod anti_entropy;
mod broadcast;
mod client_network;
mod handshake;
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

pub use anti_entropy::{AntiEntropy, DigestPair};
pub use client_network::ClientNetwork;
pub use handshake::{Handshake, Nonce};
pub use inbound_filter::InboundFilter;
pub use kind::MessageKind;
pub use listen::{Received, ReceivedMessage, listen};
pub use message::{Body, Message};
pub use peers::Peers;
pub use rejection::{Incompatibility, KeyMismatch, Rejection, RejectionReason};
pub use reporting::{AnswerTiming, Reporting};
pub use request::{
    Handling, NextStep, PendingRequests, RETRY_INTERVAL, RenameRequest, RequestError, RequestId,
    RequestOutcome, ServedRequests,
};
pub use seal::{Keyring, MAX_JSON};
pub use sender::Sender;
pub use sockets::{BoundPort, Sockets};
pub use udp::MAX_DATAGRAM;

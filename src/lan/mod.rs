//! What the servers say to each other on the LAN: UDP, one datagram a message.
//!
//! | file | concept |
//! |---|---|
//! | `message` | a message: [`Report`]s of oneself (¶47, ¶64), and the election's words |
//! | `seal` | the frame around it, signed with the site's key |
//! | `limit`, `replay` | how much is listened to; that nothing counts twice |
//! | `gate` | all of that in order: the door, without a socket or a clock |
//! | `voice` | the other way: each message with the next number |
//! | `sockets`, `multicast`, `broadcast` | the three transports (claim 4) |
//! | `listen` | reading the sockets, through the gate |
//! | `errand` | what one asks another to do |
//! | `accord` | who knows other things about logins, and when to tell it |
//! | `peers` | where the others are |
//! | `reporting` | when this server reports itself |
//! | `interface` | which of the machine's addresses is the LAN |
//!
//! Why it is built so, and what an attacker can still do: `docs/design/lan.md`.

mod accord;
mod broadcast;
mod errand;
mod gate;
pub mod interface;
mod limit;
mod listen;
mod message;
mod multicast;
mod peers;
mod rejected;
mod replay;
mod reporting;
mod seal;
mod sockets;
mod udp;
mod voice;

#[cfg(test)]
mod tests;

pub use accord::{Accord, Digests};
pub use errand::{ASK_AGAIN, Ask, Errands, Next, NotDone, Outcome, Renaming, Served, Turn};
pub use gate::Gate;
pub use listen::{Admitted, listen};
pub use message::{Body, Message, Occasion, Report};
pub use peers::Peers;
pub use rejected::{KeyMismatch, Rejected};
pub use reporting::{Answer, Reporting};
pub use seal::{Keyring, MAX_DATAGRAM, MAX_JSON};
pub use sockets::{Port, Sockets};
pub use voice::Voice;

//! What can happen, and what can be asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Moment, Request};
use crate::ids::{ExternalPort, Term};

/// What happened. Anything may arrive at any time, late or twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The elector begins a life, at the start of the program or after a crash: answers to what it
    /// had asked for will never come.
    Awoke,
    /// Time has passed.
    Tick,
    /// A router answers.
    RouterFound,
    /// The router no longer answers, or another one has taken its place.
    RouterLost,
    /// This server's own address on the LAN is another one: what is mapped leads nowhere now.
    AddressChanged,
    /// The router's table was read.
    Surveyed {
        /// Whether the representative port was in it.
        representative: Vacancy,
        /// The ports of the range that somebody else holds.
        taken: BTreeSet<ExternalPort>,
    },
    /// The port is mapped to this server: written, and read back.
    Secured {
        /// Which port.
        port: ExternalPort,
        /// When the request that succeeded was sent: the lease cannot have begun earlier.
        sent_at: Moment,
        /// The lease that was granted; `None` is a mapping without an end.
        granted: Option<Duration>,
        /// What stood there before.
        before: Before,
    },
    /// The port is mapped to somebody else.
    Taken {
        /// Which port.
        port: ExternalPort,
        /// How long that mapping lasts unless it is renewed; `None` is unknown or without an end.
        expires_in: Option<Duration>,
    },
    /// The request came to nothing, and why is no matter of the rules.
    Failed(Request),
    /// The mapping is gone: deleted and read back, or it was not ours any more.
    Released(ExternalPort),
    /// A server on the LAN knows of this term.
    Heard(Term),
    /// The operator wants this server to leave.
    Leave,
}

/// Whether a port of the router is mapped at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vacancy {
    /// Nobody's.
    Free,
    /// Somebody's.
    Held,
    /// The table does not say.
    Unknown,
}

/// What the router had under a port before this server wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Before {
    /// Nothing.
    Free,
    /// This server's own entry, from an earlier write (perhaps of an earlier life).
    Ours,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the router; the answer comes back as [`Event::Secured`], [`Event::Taken`],
    /// [`Event::Released`] or [`Event::Failed`].
    Ask(Request),
    /// Call again with [`Event::Tick`] at this time; a later one replaces it.
    WakeAt(Moment),
    /// What this server has to know after a power cut has changed: term and port.
    Remember,
    /// Nothing of ours is on the router any more (or nobody answers there): the program may end.
    Left,
}

//! What can happen, and what can be asked for.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::{ElectionMessage, Owner, Peer, RemoteAccess, Request, Timestamp};
use porthole_types::{ExternalPort, Term};

/// What happened. Anything may arrive at any time, late or twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
        /// Whose each port is, as far as the table shows.
        holders: BTreeMap<ExternalPort, Ownership>,
        /// Whether a port that is not in it is free.
        seen: SurveyExtent,
    },
    /// The port is mapped to this server: written, and read back.
    Secured {
        /// The router's port that now leads here.
        port: ExternalPort,
        /// When the request that succeeded was sent: the lease cannot have begun earlier.
        sent_at: Timestamp,
        /// The lease that was granted; `None` is a mapping without an end.
        granted: Option<Duration>,
        /// What stood there before.
        before: PriorEntry,
        /// What that it is this server's rests on.
        evidence: Evidence,
        /// What became of the lease.
        renewal: Renewal,
    },
    /// The port is mapped to somebody else.
    Taken {
        /// The router's port that was asked for.
        port: ExternalPort,
        /// How long that mapping lasts unless it is renewed; `None` is unknown or without an end.
        expires_in: Option<Duration>,
        /// Where the mapping leads, if the router tells.
        by: Option<Owner>,
    },
    /// The router refuses the port, and shows nobody else there.
    Refused {
        /// The router's port that was asked for.
        port: ExternalPort,
        /// What it shows there.
        shown: Shown,
    },
    /// There is no room in the router's table for one more mapping (728), and the port is free.
    NoRoom(ExternalPort),
    /// The request came to nothing, and why is no matter of the rules.
    Failed(Request),
    /// The same, and it is certain that the router was not asked for a mapping.
    NotAsked(Request),
    /// The mapping is gone: deleted and read back, or it was not ours any more.
    Released(ExternalPort),
    /// The stale mapping is gone from the port, by this server's hand or by itself.
    Evicted(ExternalPort),
    /// The router does not let this server delete it: it was tried, and read back as still there.
    Irremovable(ExternalPort),
    /// Another server sent a message of the election.
    Heard {
        /// The server that sent it.
        from: Peer,
        /// The message as it was sent.
        message: ElectionMessage,
    },
    /// Another server reported itself.
    Reported {
        /// The server that reported itself.
        from: Peer,
        /// Its port on the router.
        external: Option<ExternalPort>,
        /// The highest term it knows of.
        term: Term,
    },
    /// The operator wants this server to give up the leadership and stay in the fleet.
    StepDown,
    /// This server has another name, which its mappings are to show (Embodiment 3).
    Renamed,
    /// People turn the switch (¶84).
    Expose(RemoteAccess),
    /// The operator wants this server to leave.
    Leave,
}

/// Whose a mapping is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// It leads to this server, and its description says that a server like this one made it.
    Mine,
    /// It leads to this server, and who made it nobody knows: a person, perhaps.
    LeadsHere,
    /// The device that the mapping leads to is another one.
    Theirs,
    /// The router does not show where it leads in a way that can be read.
    Unclear,
}

/// What it rests on that a mapping is this server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The router shows it.
    ReadBack,
    /// The router said yes, and does not show its mappings, or not whose they are.
    Answer,
}

/// What a request did to the lease of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Renewal {
    /// There was none before.
    New,
    /// It runs from now on, or has no end.
    Extended,
    /// The router said yes, and the lease ends when it would have ended.
    Unchanged,
    /// It had nearly all of it left, so that nobody can say.
    Untold,
}

/// What a router shows on a port that it has refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// Nothing, and it shows what is on other ports: the port is nobody's.
    Nobody,
    /// The mapping of this server, still: it was a renewal that was refused.
    Ours,
    /// Nothing, as everywhere: whether the port is somebody's cannot be told.
    Nothing,
}

/// How much of the table was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SurveyExtent {
    /// All of it: what is not there is free.
    Whole,
    /// Perhaps not all.
    Part,
}

/// What the router had under a port before this server wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PriorEntry {
    /// Nothing was mapped under the port.
    Free,
    /// This server's own entry, from an earlier write (perhaps of an earlier life).
    Ours,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask the router; the answer comes back as [`Event::Secured`], [`Event::Taken`],
    /// [`Event::Refused`], [`Event::NoRoom`], [`Event::Released`], [`Event::Evicted`],
    /// [`Event::Irremovable`], [`Event::Failed`] or [`Event::NotAsked`]. What is to be remembered
    /// before comes before it, and is to be on the disk before the router is asked.
    Ask(Request),
    /// Say this on the LAN. What goes to everybody goes out twice, 50 ms apart, so that one lost
    /// datagram is never a missed message; a message to one server goes out once.
    Say(Destination, ElectionMessage),
    /// Call again with [`Event::Tick`] at this time; a later one replaces it.
    WakeAt(Timestamp),
    /// What this server has to know after a power cut has changed: term, port and ledger.
    Remember,
    /// Nothing of ours is on the router any more (or nobody answers there): the program may end.
    Left,
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// Every server on the LAN.
    Everybody,
    /// The server at this address.
    One(Ipv4Addr),
}

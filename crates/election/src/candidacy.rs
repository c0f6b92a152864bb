//! Succession: from a vacancy to a new representative.

use std::net::Ipv4Addr;

use super::{Cause, ClaimStage, Peer, Timestamp};
use porthole_types::{InstanceId, Term};

/// Leadership that nobody holds any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vacancy {
    /// How it was noticed.
    pub cause: Cause,
    /// Who held it, if that was ever heard.
    pub previous: Option<InstanceId>,
    /// Where its mapping leads.
    pub address: Option<Ipv4Addr>,
    /// The term in which it led.
    pub term: Term,
    /// When it was noticed.
    pub since: Timestamp,
    /// Until when the silence that was confirmed by asking counts as confirmed: only then may its
    /// mapping be deleted.
    pub silent_until: Option<Timestamp>,
    /// When its lease would end unless somebody renewed it.
    pub lapses_at: Option<Timestamp>,
}

/// How far this server has come in taking a vacant leadership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Candidacy {
    /// It is not a candidate: somebody leads, or this server is not to.
    None,
    /// It waits for its turn to speak (¶69: the random time; ¶77: the order).
    Waiting {
        /// When it speaks.
        claim_at: Timestamp,
        /// Collisions so far.
        round: u32,
    },
    /// It has sent its Claim, and waits for anybody to object (¶70 step 56).
    Claiming {
        /// When it goes to the router.
        until: Timestamp,
        /// Collisions so far.
        round: u32,
    },
    /// It asks the router, or waits until the router can say yes.
    Acquiring {
        /// Collisions so far.
        round: u32,
        /// What stands in the way.
        mapping: StaleMapping,
        /// When it repeats its Claim, so that the others go on waiting for it.
        repeat_at: Timestamp,
    },
    /// Another server has claimed the leadership.
    Yielding {
        /// The server that has claimed it.
        to: Peer,
        /// How far that one has come.
        stage: ClaimStage,
        /// From then on it is believed to be gone too.
        until: Timestamp,
        /// Collisions so far.
        round: u32,
    },
}

/// The previous representative's mapping, in the way of its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StaleMapping {
    /// Nothing is known of it yet.
    Unknown,
    /// It is there, and its owner is asked once more before it is deleted.
    Asking {
        /// Questions so far.
        asked: u32,
        /// The next one, or the end of the wait.
        ask_at: Timestamp,
    },
    /// It may be deleted, once.
    Deletable {
        /// Where it leads.
        from: Ipv4Addr,
    },
    /// It was deleted. Should it come back, its owner lives.
    Deleted,
    /// It was tried, and it stays: its lease has to end.
    Undeletable,
    /// The same, and the lease has no end.
    Permanent,
    /// There is none: the router refuses the port to everybody.
    Reserved,
}

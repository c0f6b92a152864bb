//! Succession: from a vacancy to a new representative.

use std::net::Ipv4Addr;

use super::{Bid, Cause, Moment, Peer};
use porthole_types::{InstanceId, Term};

/// An office that nobody holds any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vacancy {
    /// How it was noticed.
    pub cause: Cause,
    /// Who held it, if that was ever heard.
    pub late: Option<InstanceId>,
    /// Where its mapping leads.
    pub address: Option<Ipv4Addr>,
    /// Its term.
    pub term: Term,
    /// When it was noticed.
    pub since: Moment,
    /// Until when the silence that was confirmed by asking counts as confirmed: only then may its
    /// mapping be deleted.
    pub silent_until: Option<Moment>,
    /// When its lease would end unless somebody renewed it.
    pub lapses_at: Option<Moment>,
}

/// How far this server has come in taking the office.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pursuit {
    /// It has no mind to.
    None,
    /// It waits for its turn to speak (¶69: the random time; ¶77: the order).
    Standing {
        /// When it speaks.
        speak_at: Moment,
        /// Collisions so far.
        round: u32,
    },
    /// It has claimed the office, and waits for anybody to object (¶70 step 56).
    Claiming {
        /// When it goes to the router.
        until: Moment,
        /// Collisions so far.
        round: u32,
    },
    /// It asks the router, or waits until the router can say yes.
    Taking {
        /// Collisions so far.
        round: u32,
        /// What stands in the way.
        grave: Grave,
        /// When it says again that it is the heir.
        say_at: Moment,
    },
    /// Another has claimed the office.
    Deferring {
        /// Who.
        to: Peer,
        /// How far that one has come.
        bid: Bid,
        /// From then on it is believed to be gone too.
        until: Moment,
        /// Collisions so far.
        round: u32,
    },
}

/// The dead one's mapping, in the way of its heir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grave {
    /// Nothing is known of it yet.
    Unseen,
    /// It is there, and its owner is asked once more before it is deleted.
    Asking {
        /// Questions so far.
        asked: u32,
        /// The next one, or the end of the wait.
        ask_at: Moment,
    },
    /// It may be deleted, once.
    Open {
        /// Where it leads.
        from: Ipv4Addr,
    },
    /// It was deleted. Should it come back, its owner lives.
    Emptied,
    /// It was tried, and it stays: its lease has to end.
    Sealed,
    /// The same, and the lease has no end.
    Stuck,
}

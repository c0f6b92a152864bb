//! What happens next: everything that is under way in a world, in order of time.
//!
//! Two things of the same millisecond happen in the order in which they were put down, so that a
//! seed is the same run each time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;

use porthole_election::{ElectionMessage, Event};

use crate::config::Millis;
use crate::fake_router::{Call, Reply};
use crate::faults::Fault;
use crate::server::Disk;

/// What happens at a time.
pub(super) enum Item {
    Start(usize),
    Wake {
        server: usize,
        boot: u32,
    },
    /// The second copy leaves.
    SayAgain {
        server: usize,
        boot: u32,
        message: ElectionMessage,
    },
    /// The shell's report of itself is due.
    Report {
        server: usize,
        boot: u32,
    },
    /// A datagram arrives.
    Deliver {
        to: usize,
        event: Event,
        from: usize,
    },
    /// The table is due to be read.
    Poll {
        server: usize,
        boot: u32,
    },
    /// A call reaches the router.
    Call {
        server: usize,
        from: Ipv4Addr,
        call: Call,
        ticket: Ticket,
    },
    /// A reply reaches the server; none is the time-out.
    Reply {
        server: usize,
        reply: Option<Reply>,
        epoch: u32,
        done_at: Millis,
        ticket: Ticket,
    },
    /// The disk has it.
    Stored {
        server: usize,
        boot: u32,
        disk: Disk,
    },
    RouterFound {
        server: usize,
        boot: u32,
    },
    RouterLost {
        server: usize,
        boot: u32,
    },
    RouterUp,
    ForeignerGone,
    BurstOver(usize, usize),
    Fault(Fault),
    Calm,
    End,
}

/// What a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) boot: u32,
    /// The request and which call of it; nothing for a reading of the table.
    pub(super) job: Option<(u64, u32)>,
}

struct Queued {
    at: Millis,
    number: u64,
    item: Item,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// The queue.
#[derive(Default)]
pub(super) struct Agenda {
    candidates_ahead: BinaryHeap<Reverse<Queued>>,
    number: u64,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Millis, item: Item) {
        self.number += 1;
        self.candidates_ahead.push(Reverse(Queued {
            at,
            number: self.number,
            item,
        }));
    }

    /// The next thing, and when it happens.
    pub(super) fn next(&mut self) -> Option<(Millis, Item)> {
        let Reverse(next) = self.candidates_ahead.pop()?;
        Some((next.at, next.item))
    }
}

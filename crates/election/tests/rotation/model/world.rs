//! One state of the model: what two orders of events have to agree in to have led to the same
//! place.

use std::collections::BTreeSet;

use porthole_election::{ElectionMessage, Event, Memory, Request, Role, State, Timestamp};
use porthole_types::{ExternalPort, Term};

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) state: State,
    pub(super) alive: bool,
    pub(super) wake: Option<Timestamp>,
    pub(super) job: Option<Job>,
    pub(super) disk: (Term, Memory, Option<ExternalPort>, BTreeSet<ExternalPort>),
    /// The router has its port of the range for it.
    pub(super) has_own: bool,
    /// Another deleted its mapping then, while it held it.
    pub(super) robbed: Option<Timestamp>,
}

/// A request, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) sent_at: Timestamp,
    pub(super) stage: Stage,
}

/// What the router has done of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Sent,
    /// The failed server's entry was read, and is to be deleted.
    Deleting,
    /// Its own entry was deleted, and is to be made anew.
    Remaking,
    Done(Event),
}

/// A word under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mail {
    pub(super) from: usize,
    pub(super) to: Vec<usize>,
    pub(super) message: ElectionMessage,
}

/// Everything: the servers, the router's entry for the representative port, messages under way, and
/// what may still go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) nodes: Vec<Node>,
    /// Who holds the representative port on the router, and until when.
    pub(super) entry: Option<(usize, Timestamp)>,
    pub(super) mail: Vec<Mail>,
    pub(super) losses: u8,
    pub(super) crashes: u8,
    pub(super) delays: u8,
    /// The last leadership that began.
    pub(super) last: (usize, Term),
    /// What was found wrong with a step, as it was taken.
    pub(super) wrong: Option<&'static str>,
    pub(super) taken_over: bool,
}

impl World {
    /// When something happens next by itself.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        let wakes = self
            .nodes
            .iter()
            .filter(|node| node.alive)
            .filter_map(|node| node.wake);
        wakes.filter(|at| *at > self.now).min()
    }

    /// Whether this server would tell a client that it is the representative.
    pub(super) fn believes(&self, who: usize) -> bool {
        let node = &self.nodes[who];
        node.alive && node.state.role(self.now) == Role::Representative
    }
}

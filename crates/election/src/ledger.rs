//! The ledger: every mapping that may be on the router because of this server.
//!
//! A port is entered before it is asked for, and struck when the router was seen to have nothing of
//! this server's there. What an answer says, or does not say, in between changes nothing: routers
//! lose answers, show names instead of addresses, or show nothing at all. So at any moment there
//! are at most two mappings (its own and the representative's), and none after it has left: no
//! other port is asked for while the ledger names one that is not given back.

use std::collections::BTreeMap;

use porthole_types::ExternalPort;

use super::{Rules, Timestamp};

/// The ports for which this server may have a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    ports: BTreeMap<ExternalPort, Standing>,
}

/// What is known of a mapping in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Standing {
    /// It is being asked for, for the first time.
    Asking,
    /// It was made, or may have been.
    MayBeThere,
    /// The router said yes, and shows nothing: then it is there until its lease is over, and what
    /// is there later is another's.
    SaidToBeThere {
        /// The end of the lease.
        until: Timestamp,
    },
}

/// Whether a port was in the ledger before it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// It was not: whatever stands there is not this server's.
    First,
    /// It was, and may be this server's.
    Again,
}

impl Ledger {
    /// The ledger of an earlier run, as the state file has it.
    pub fn restored(ports: impl IntoIterator<Item = ExternalPort>) -> Self {
        let ports = ports.into_iter();
        Self {
            ports: ports.map(|port| (port, Standing::MayBeThere)).collect(),
        }
    }

    /// The ports, the lowest first.
    pub fn ports(&self) -> impl Iterator<Item = ExternalPort> {
        self.ports.keys().copied()
    }

    /// Whether there may be a mapping of this server on the port.
    pub fn has(&self, port: ExternalPort) -> bool {
        self.ports.contains_key(&port)
    }

    /// Whether nothing of this server's can be on the router.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// The ports other than the representative's, the lowest first.
    pub(super) fn own(&self, rules: &Rules) -> impl Iterator<Item = ExternalPort> {
        let representative_port = rules.representative_port;
        self.ports()
            .filter(move |port| *port != representative_port)
    }

    /// Whether it would be the first time.
    pub(super) fn asked(&self, port: ExternalPort) -> Asked {
        match self.ports.get(&port) {
            None | Some(Standing::Asking) => Asked::First,
            Some(Standing::MayBeThere | Standing::SaidToBeThere { .. }) => Asked::Again,
        }
    }

    /// The port is asked for next.
    pub(super) fn enter(&mut self, port: ExternalPort) {
        self.ports.entry(port).or_insert(Standing::Asking);
    }

    /// The mapping was made, or nobody can say.
    pub(super) fn may_be_there(&mut self, port: ExternalPort) {
        self.ports.insert(port, Standing::MayBeThere);
    }

    /// The router said that it was made, and does not show it.
    pub(super) fn said_to_be_there(&mut self, port: ExternalPort, until: Option<Timestamp>) {
        let standing = match until {
            Some(until) => Standing::SaidToBeThere { until },
            None => Standing::MayBeThere,
        };
        self.ports.insert(port, standing);
    }

    /// A request was answered by nothing: it may have made the mapping, or renewed it.
    pub(super) fn unanswered(&mut self, port: ExternalPort, until: Timestamp) {
        match self.ports.get_mut(&port) {
            Some(Standing::SaidToBeThere { until: known }) => *known = until.max(*known),
            Some(_) | None => self.may_be_there(port),
        }
    }

    /// Strikes what was never seen and whose lease is over.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let over = |standing: &Standing| match standing {
            Standing::SaidToBeThere { until } => now >= *until,
            Standing::Asking | Standing::MayBeThere => false,
        };
        self.ports.retain(|_, standing| !over(standing));
    }

    /// Nothing of this server's is on the port.
    pub(super) fn strike(&mut self, port: ExternalPort) {
        self.ports.remove(&port);
    }

    /// A request for the port did not reach the router, or was refused by one that does not show
    /// what it has: where it was the first, nothing was made.
    pub(super) fn nothing_made(&mut self, port: ExternalPort) {
        if self.ports.get(&port) == Some(&Standing::Asking) {
            self.strike(port);
        }
    }
}

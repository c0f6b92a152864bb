//! What can be said of the office, for people.

use std::net::Ipv4Addr;

use super::{Bid, Cause, Moment, Peer, Pursuit, Role, State};
use porthole_types::InstanceId;

/// Who holds the office, as far as this server knows, since when and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// This server.
    Mine {
        /// Since when.
        since: Moment,
        /// Why.
        cause: Cause,
    },
    /// Another one, heard on the LAN.
    Theirs {
        /// Who; unknown where only the router says that there is one.
        id: Option<InstanceId>,
        /// Its address on the LAN.
        address: Ipv4Addr,
        /// Since when.
        since: Moment,
        /// Why.
        cause: Cause,
    },
    /// Nobody: it fell vacant.
    Vacant {
        /// How that was noticed.
        cause: Cause,
        /// Who held it.
        late: Option<InstanceId>,
        /// Who is about to take it.
        heir: Heir,
    },
    /// Nothing is known: the LAN is silent, or this server has only begun.
    Unknown,
}

/// Who is about to take the office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heir {
    /// Nobody yet.
    None,
    /// This server.
    Me(Bid),
    /// Another one.
    Other(Peer, Bid),
}

impl State {
    /// Who holds the office, as far as this server knows.
    pub fn outlook(&self, now: Moment) -> Outlook {
        if let Some(office) = self
            .office
            .filter(|_| self.role(now) == Role::Representative)
        {
            return Outlook::Mine {
                since: office.since,
                cause: office.cause,
            };
        }
        let heir = match self.pursuit {
            Pursuit::None | Pursuit::Standing { .. } => Heir::None,
            Pursuit::Claiming { .. } | Pursuit::Taking { .. } => Heir::Me(self.bid()),
            Pursuit::Deferring { to, bid, .. } => Heir::Other(to, bid),
        };
        match (self.vacancy, self.watch) {
            (Some(vacancy), _) => Outlook::Vacant {
                cause: vacancy.cause,
                late: vacancy.late,
                heir,
            },
            (None, Some(watch)) => Outlook::Theirs {
                id: watch.id,
                address: watch.address,
                since: watch.since,
                cause: watch.cause,
            },
            (None, None) => Outlook::Unknown,
        }
    }
}

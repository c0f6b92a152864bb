//! Who leads, as far as this server knows: what pages, API and log say.

use std::net::Ipv4Addr;

use super::{Candidacy, Cause, ClaimStage, Peer, Role, State, Timestamp};
use porthole_types::InstanceId;

/// Who is the representative, as far as this server knows, since when and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderView {
    /// This server is the representative itself.
    ThisServer {
        /// When it became the representative.
        since: Timestamp,
        /// Why the leadership fell to it.
        cause: Cause,
    },
    /// Another one, heard on the LAN.
    Another {
        /// Who; unknown where only the router says that there is one.
        id: Option<InstanceId>,
        /// Its address on the LAN.
        address: Ipv4Addr,
        /// When it became the representative, as far as this server knows.
        since: Timestamp,
        /// Why the leadership fell to it, as far as this server knows.
        cause: Cause,
    },
    /// Nobody: it fell vacant.
    Vacant {
        /// How that was noticed.
        cause: Cause,
        /// Who held it.
        previous: Option<InstanceId>,
        /// Who is about to take it.
        successor: Successor,
    },
    /// Nothing is known: the LAN is silent, or this server has only begun.
    Unknown,
}

/// Who is about to become the representative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Successor {
    /// No server has claimed the leadership yet.
    None,
    /// This server, and how far it has come.
    Me(ClaimStage),
    /// Another server, and how far it says it has come.
    Other(Peer, ClaimStage),
}

impl State {
    /// Who is the representative, as far as this server knows.
    pub fn leader_view(&self, now: Timestamp) -> LeaderView {
        if let Some(leadership) = self
            .leadership
            .filter(|_| self.role(now) == Role::Representative || self.is_in_gap(now))
        {
            return LeaderView::ThisServer {
                since: leadership.since,
                cause: leadership.cause,
            };
        }
        let successor = match self.candidacy {
            Candidacy::None | Candidacy::Waiting { .. } => Successor::None,
            Candidacy::Claiming { .. } | Candidacy::Acquiring { .. } => Successor::Me(self.stage()),
            Candidacy::Yielding { to, stage, .. } => Successor::Other(to, stage),
        };
        match (self.vacancy, self.detector) {
            (Some(vacancy), _) => LeaderView::Vacant {
                cause: vacancy.cause,
                previous: vacancy.previous,
                successor,
            },
            (None, Some(detector)) => LeaderView::Another {
                id: detector.id,
                address: detector.address,
                since: detector.since,
                cause: detector.cause,
            },
            (None, None) => LeaderView::Unknown,
        }
    }
}

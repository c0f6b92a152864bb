//! [`Connections`]: who may have a connection, over all ports and workers of the process, and who
//! gives way.
//!
//! One address has but its share. Some are kept for the LAN, some for those who have logged in and
//! for the addresses from which somebody did; when there are no more, the oldest of the lowest rank
//! goes. How long a connection may keep the server waiting is in `super::open_connection`.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::App;
use super::client_network::network_of;
use super::places::{NoPlace, Places, Rank, as_gauge};
use crate::lan::ClientNetwork;
use crate::metrics::ConnectionEnd;
use actix_web::web::Data;

/// Connections of the process at a time, over all ports and clients.
pub const MOST_CONNECTIONS: usize = 512;

/// Connections of one address at a time.
const OF_ONE_ADDRESS: usize = 64;

/// Connections that strangers do not have, for the LAN and for whoever is known.
const KEPT_FROM_STRANGERS: usize = 128;

/// Connections that clients on the LAN do not have either, unless they are known.
const KEPT_FOR_KNOWN: usize = 64;

/// Addresses that are remembered because somebody logged in used them.
const FAMILIAR: usize = 256;

/// Who has a connection, from who goes first to who goes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionRank {
    /// Outside, and shows no login.
    Stranger,
    /// On the LAN, and shows no login.
    Neighbour,
    /// From an address that somebody who was logged in used lately.
    Familiar,
    /// A login was shown on this very connection.
    LoggedIn,
}

impl Rank for ConnectionRank {
    fn most(self, all: usize) -> usize {
        match self {
            Self::Stranger => all.saturating_sub(KEPT_FROM_STRANGERS),
            Self::Neighbour => all.saturating_sub(KEPT_FOR_KNOWN),
            Self::Familiar => all,
            // Every connection begins as another, and is to find room.
            Self::LoggedIn => all / 2,
        }
    }

    fn shares_with(self, other: Self) -> bool {
        match self {
            Self::Stranger | Self::LoggedIn => other == self,
            Self::Neighbour => other <= self,
            Self::Familiar => true,
        }
    }

    fn yields_to_equals(self) -> bool {
        true
    }
}

/// The place of a connection among the others; free when it is dropped.
pub struct ConnectionPlace {
    connections: Arc<Connections>,
    app: Data<App>,
    number: u64,
    /// None where it does not tell clients apart.
    address: Option<IpAddr>,
    end: CancellationToken,
}

/// All connections of the process.
pub struct Connections {
    open: Mutex<Open>,
}

struct Open {
    places: Places<ConnectionRank>,
    ends: BTreeMap<u64, CancellationToken>,
    /// The latest last.
    familiar: VecDeque<IpAddr>,
}

impl Connections {
    /// None is open.
    pub fn new() -> Self {
        Self {
            open: Mutex::new(Open {
                places: Places::new(MOST_CONNECTIONS, OF_ONE_ADDRESS),
                ends: BTreeMap::new(),
                familiar: VecDeque::new(),
            }),
        }
    }

    /// A place for a connection from `peer`; whoever has to go for it is told so at once.
    ///
    /// # Errors
    /// [`NoPlace`]: it is to be closed.
    pub fn admit(
        self: &Arc<Self>,
        peer: IpAddr,
        app: &Data<App>,
    ) -> Result<ConnectionPlace, NoPlace> {
        let client = network_of(peer, &app.shared);
        let mut open = self.lock();
        let rank = match client.network {
            _ if client.telling.is_some_and(|it| open.familiar.contains(&it)) => {
                ConnectionRank::Familiar
            }
            ClientNetwork::Lan => ConnectionRank::Neighbour,
            ClientNetwork::Outside => ConnectionRank::Stranger,
        };
        let metrics = &app.shared.metrics;
        let ended = &metrics.connections_ended_total;
        let admitted = open.places.admit(client.telling, rank).inspect_err(|why| {
            ended
                .of(match why {
                    NoPlace::OfAddress => ConnectionEnd::AddressFull,
                    NoPlace::OfAll => ConnectionEnd::Full,
                })
                .inc();
        })?;
        if let Some(displaced) = admitted.displaced {
            ended.of(ConnectionEnd::Displaced).inc();
            if let Some(end) = open.ends.remove(&displaced) {
                end.cancel();
            }
        }
        let end = CancellationToken::new();
        open.ends.insert(admitted.place, end.clone());
        metrics.connections.set(as_gauge(open.places.taken()));
        Ok(ConnectionPlace {
            connections: Arc::clone(self),
            app: app.clone(),
            number: admitted.place,
            address: client.telling,
            end,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Places, ends and addresses stand each for itself: a panic leaves nothing half said.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPlace {
    /// Somebody who has logged in uses it.
    pub fn raise(&self) {
        let mut open = self.connections.lock();
        open.places.raise(self.number, ConnectionRank::LoggedIn);
        let Some(address) = self.address else { return };
        open.familiar.retain(|familiar| *familiar != address);
        if open.familiar.len() >= FAMILIAR {
            open.familiar.pop_front();
        }
        open.familiar.push_back(address);
    }

    /// Cancelled when the connection is to end.
    pub fn end(&self) -> &CancellationToken {
        &self.end
    }

    /// What the server knows.
    pub fn app(&self) -> &App {
        &self.app
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.places.leave(self.number);
        open.ends.remove(&self.number);
        let metrics = &self.app.shared.metrics;
        metrics.connections.set(as_gauge(open.places.taken()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectionRank::{Familiar, LoggedIn, Neighbour, Stranger};

    fn full_of(rank: ConnectionRank, most: usize) -> Places<ConnectionRank> {
        let mut places = Places::new(MOST_CONNECTIONS, OF_ONE_ADDRESS);
        for number in 0..2 * MOST_CONNECTIONS {
            let address = IpAddr::from([10, 0, (number / 250) as u8, (number % 250) as u8]);
            places.admit(Some(address), rank).unwrap();
        }
        assert_eq!(places.taken(), most, "{rank:?}");
        places
    }

    fn address() -> IpAddr {
        IpAddr::from([192, 0, 2, 1])
    }

    #[test]
    fn whoever_crowds_leaves_room_for_those_above() {
        let mut strangers = full_of(Stranger, MOST_CONNECTIONS - KEPT_FROM_STRANGERS);
        assert_eq!(
            strangers
                .admit(Some(address()), Neighbour)
                .unwrap()
                .displaced,
            None
        );
        assert_eq!(
            strangers
                .admit(Some(address()), Familiar)
                .unwrap()
                .displaced,
            None
        );
        let mut neighbours = full_of(Neighbour, MOST_CONNECTIONS - KEPT_FOR_KNOWN);
        for newcomer in [Stranger, Familiar] {
            assert_eq!(
                neighbours
                    .admit(Some(address()), newcomer)
                    .unwrap()
                    .displaced,
                None
            );
        }
    }

    #[test]
    fn whoever_has_logged_in_is_never_displaced_and_never_fills_all() {
        let mut places = Places::new(MOST_CONNECTIONS, MOST_CONNECTIONS);
        for _ in 0..MOST_CONNECTIONS {
            let place = places.admit(None, Familiar).unwrap().place;
            places.raise(place, LoggedIn);
        }
        // The first half are raised: they stay, and the others go one after the other.
        for _ in 0..MOST_CONNECTIONS {
            let displaced = places.admit(None, Familiar).unwrap().displaced;
            assert!(displaced.is_some_and(|place| place >= MOST_CONNECTIONS as u64 / 2));
        }
    }

    #[test]
    fn a_crowd_behind_one_address_displaces_its_own_oldest_only() {
        let mut places = Places::new(MOST_CONNECTIONS, OF_ONE_ADDRESS);
        let other = places.admit(Some(address()), Stranger).unwrap().place;
        let crowd = Some(IpAddr::from([192, 0, 2, 2]));
        for _ in 0..OF_ONE_ADDRESS {
            assert_eq!(places.admit(crowd, Stranger).unwrap().displaced, None);
        }
        let displaced = places.admit(crowd, Stranger).unwrap().displaced;
        assert!(displaced.is_some_and(|place| place != other));
    }
}

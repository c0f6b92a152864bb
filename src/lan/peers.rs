//! [`Peers`]: the addresses of the other servers, for the unicast transport and for what is sent to
//! one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use porthole_types::forget_oldest;

/// Peers that are sent to. Beyond it the one not heard for longest goes.
const MAX_HEARD: usize = 512;

/// How long a peer is sent to after its last message.
const HEARD_FOR: Duration = Duration::from_mins(10);

/// The addresses of the other servers, as far as known.
pub struct Peers {
    port: u16,
    configured: Vec<SocketAddrV4>,
    known: Vec<Ipv4Addr>,
    heard: BTreeMap<SocketAddrV4, Instant>,
}

impl Peers {
    /// With those that the settings name; `port` is assumed of a peer of which only the address is
    /// known.
    pub fn new(configured: Vec<SocketAddrV4>, port: u16) -> Self {
        Self {
            port,
            configured,
            known: Vec::new(),
            heard: BTreeMap::new(),
        }
    }

    /// Replaces the servers that other sources know of (the router's table, mDNS).
    pub fn set_known(&mut self, addresses: impl IntoIterator<Item = Ipv4Addr>) {
        self.known = addresses.into_iter().take(MAX_HEARD).collect();
    }

    /// Takes note that a message was admitted from there.
    pub fn heard(&mut self, from: SocketAddrV4, now: Instant) {
        self.heard.insert(from, now);
        if self.heard.len() > MAX_HEARD {
            self.heard
                .retain(|_, at| now.saturating_duration_since(*at) < HEARD_FOR);
        }
        forget_oldest(&mut self.heard, MAX_HEARD, |at| *at);
    }

    /// Every peer, each once.
    pub fn all(&self, now: Instant) -> BTreeSet<SocketAddrV4> {
        let mut all: BTreeSet<_> = self.recent(now).collect();
        all.extend(&self.configured);
        for address in &self.known {
            if !all.iter().any(|peer| peer.ip() == address) {
                all.insert(SocketAddrV4::new(*address, self.port));
            }
        }
        all
    }

    /// The servers at this address: more than one where they share it.
    pub fn at(&self, address: Ipv4Addr, now: Instant) -> BTreeSet<SocketAddrV4> {
        let mut there: BTreeSet<_> = self
            .recent(now)
            .chain(self.configured.iter().copied())
            .filter(|peer| *peer.ip() == address)
            .collect();
        if there.is_empty() {
            there.insert(SocketAddrV4::new(address, self.port));
        }
        there
    }

    fn recent(&self, now: Instant) -> impl Iterator<Item = SocketAddrV4> {
        self.heard
            .iter()
            .filter(move |(_, at)| now.saturating_duration_since(**at) < HEARD_FOR)
            .map(|(peer, _)| *peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 8079;

    fn peer(host: u8, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, host), port)
    }

    fn set<const N: usize>(peers: [SocketAddrV4; N]) -> BTreeSet<SocketAddrV4> {
        BTreeSet::from(peers)
    }

    #[test]
    fn those_of_the_settings_those_heard_and_those_of_other_sources_are_each_sent_to_once() {
        let now = Instant::now();
        let mut peers = Peers::new(vec![peer(2, PORT), peer(3, 9000)], PORT);
        peers.heard(peer(2, PORT), now);
        peers.heard(peer(4, PORT), now);
        peers.set_known([2, 3, 4, 5].map(|host| *peer(host, 0).ip()));
        let expected = set([peer(2, PORT), peer(3, 9000), peer(4, PORT), peer(5, PORT)]);
        assert_eq!(peers.all(now), expected);
        peers.set_known([]);
        assert!(!peers.all(now).contains(&peer(5, PORT)));
    }

    #[test]
    fn a_peer_is_answered_where_it_sends_from_and_all_that_share_its_address_are() {
        let now = Instant::now();
        let mut peers = Peers::new(vec![peer(3, 9000)], PORT);
        let at = |peers: &Peers, host| peers.at(*peer(host, 0).ip(), now);
        assert_eq!(at(&peers, 2), set([peer(2, PORT)]));
        assert_eq!(at(&peers, 3), set([peer(3, 9000)]));
        peers.heard(peer(2, PORT), now);
        peers.heard(peer(2, 40_000), now);
        assert_eq!(at(&peers, 2), set([peer(2, PORT), peer(2, 40_000)]));
    }

    #[test]
    fn a_peer_that_is_silent_for_long_is_not_sent_to_any_more_and_the_table_stays_small() {
        let start = Instant::now();
        let mut peers = Peers::new(Vec::new(), PORT);
        for n in 0..2000_u16 {
            peers.heard(peer(2, 1 + n), start);
        }
        assert_eq!(peers.heard.len(), MAX_HEARD);
        let later = start + HEARD_FOR;
        assert!(peers.all(later).is_empty());
        peers.heard(peer(3, PORT), later);
        assert_eq!(peers.all(later), set([peer(3, PORT)]));
        assert_eq!(peers.heard.len(), 1);
    }
}

//! Accord: noticing that another server knows other [`AuthState`](crate::site::Facts) than this
//! one, and when to tell it ours.
//!
//! Whoever changes the facts tells everybody at once. That may get lost, and who was switched off
//! has not heard it; so each report carries a digest, and who hears another digest than its own
//! tells that one server what it knows. Both do, and merging makes them agree whoever knew more.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use porthole_election::{Entropy, Peer};
use porthole_types::InstanceId;
use porthole_types::forget_oldest;

/// Servers that differ. Beyond it the one not heard for longest goes, and is noticed again at its
/// next report.
const MOST_PEERS: usize = 512;

/// A difference that telling does not end (a clock that was never set makes one) is told of less
/// and less often, this many doublings of half a heartbeat at the most: every 16 heartbeats.
const MOST_DOUBLINGS: u32 = 5;

/// Who differs, and what was done about it.
pub struct AntiEntropy {
    heartbeat: Duration,
    peers: BTreeMap<InstanceId, Difference>,
}

struct Difference {
    address: Ipv4Addr,
    heard: Instant,
    digests: Digests,
    /// When to tell it; none until its next report.
    due: Option<Instant>,
    told: Option<Instant>,
    /// How often it was told without either side changing.
    in_vain: u32,
}

/// What two servers know, as digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// This server's.
    pub mine: u32,
    /// The other's.
    pub theirs: u32,
}

impl AntiEntropy {
    /// Nobody is known to differ.
    pub fn new(heartbeat: Duration) -> Self {
        Self {
            heartbeat,
            peers: BTreeMap::new(),
        }
    }

    /// A server has said what it knows. The answer is after what time to look whether it has to be
    /// told: a random one, so that of many who notice the same the first has done it for the
    /// others.
    pub fn heard(
        &mut self,
        from: Peer,
        digests: Digests,
        now: Instant,
        entropy: Entropy,
    ) -> Option<Duration> {
        if digests.mine == digests.theirs {
            self.peers.remove(&from.id);
            return None;
        }
        let soonest = now + entropy.span(self.heartbeat / 8);
        let half = self.heartbeat / 2;
        let peer = self.peers.entry(from.id).or_insert(Difference {
            address: from.address,
            heard: now,
            digests,
            due: None,
            told: None,
            in_vain: 0,
        });
        if peer.digests != digests {
            peer.in_vain = 0;
        }
        peer.address = from.address;
        peer.heard = now;
        peer.digests = digests;
        let pause = half * 2_u32.pow(peer.in_vain.saturating_sub(1).min(MOST_DOUBLINGS));
        let due = peer.told.map_or(soonest, |told| soonest.max(told + pause));
        // Who reports all the time does not put off being told.
        let due = peer.due.map_or(due, |before| before.min(due));
        peer.due = Some(due);
        forget_oldest(&mut self.peers, MOST_PEERS, |peer| peer.heard);
        Some(due.saturating_duration_since(now))
    }

    /// Who has to be told now; `mine` is what this server knows by now.
    pub fn due(&mut self, mine: u32, now: Instant) -> Vec<Ipv4Addr> {
        self.peers.retain(|_, peer| peer.digests.theirs != mine);
        let due = |peer: &&mut Difference| peer.due.is_some_and(|due| due <= now);
        self.peers
            .values_mut()
            .filter(due)
            .map(|peer| {
                peer.due = None;
                peer.told = Some(now);
                peer.in_vain += 1;
                peer.address
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;

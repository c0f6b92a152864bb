//! Anti-entropy: noticing that another server knows another [`AuthState`](crate::site::AuthState)
//! than this one, and when to send it ours.
//!
//! Whoever changes the state sends the change to all at once. That may get lost, and a server that
//! was switched off has not received it; so each report carries a digest, and a server that
//! receives another digest than its own sends that one server what it knows. Both do, and merging
//! makes them agree whoever knew more.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use porthole_election::{Entropy, Peer};
use porthole_types::InstanceId;
use porthole_types::forget_oldest;

/// Servers that differ. Beyond it the one not heard for longest goes, and is noticed again at its
/// next report.
const MAX_PEERS: usize = 512;

/// A difference that sending does not end (a clock that was never set makes one) is sent to less
/// and less often, this many doublings of half a heartbeat at the most: every 16 heartbeats.
const MAX_DOUBLINGS: u32 = 5;

/// The servers that differ, and what was done about it.
pub struct AntiEntropy {
    heartbeat: Duration,
    peers: BTreeMap<InstanceId, Difference>,
}

struct Difference {
    address: Ipv4Addr,
    heard_at: Instant,
    digests: DigestPair,
    /// When to send to it; none until its next report.
    due: Option<Instant>,
    sent_at: Option<Instant>,
    /// How often it was sent to without either side changing.
    futile_sends: u32,
}

/// What two servers know, as digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestPair {
    /// The digest of what this server knows.
    pub own: u32,
    /// The digest that the other server has sent.
    pub other: u32,
}

impl AntiEntropy {
    /// No server is known to differ.
    pub fn new(heartbeat: Duration) -> Self {
        Self {
            heartbeat,
            peers: BTreeMap::new(),
        }
    }

    /// Takes note of a digest that was received. Where it differs, the answer is after what time to
    /// ask [`AntiEntropy::due`]: a random one, so that of many who notice the same the first has
    /// sent it before the others do.
    pub fn compare(
        &mut self,
        from: Peer,
        digests: DigestPair,
        now: Instant,
        entropy: Entropy,
    ) -> Option<Duration> {
        if digests.own == digests.other {
            self.peers.remove(&from.id);
            return None;
        }
        let soonest = now + entropy.span(self.heartbeat / 8);
        let half = self.heartbeat / 2;
        let peer = self.peers.entry(from.id).or_insert(Difference {
            address: from.address,
            heard_at: now,
            digests,
            due: None,
            sent_at: None,
            futile_sends: 0,
        });
        if peer.digests != digests {
            peer.futile_sends = 0;
        }
        peer.address = from.address;
        peer.heard_at = now;
        peer.digests = digests;
        let doublings = peer.futile_sends.saturating_sub(1).min(MAX_DOUBLINGS);
        let pause = half * 2_u32.pow(doublings);
        let due = peer
            .sent_at
            .map_or(soonest, |sent_at| soonest.max(sent_at + pause));
        // A server that reports all the time does not put off its own turn.
        let due = peer.due.map_or(due, |before| before.min(due));
        peer.due = Some(due);
        forget_oldest(&mut self.peers, MAX_PEERS, |peer| peer.heard_at);
        Some(due.saturating_duration_since(now))
    }

    /// The addresses to send to now; `own` is the digest of what this server knows by now.
    pub fn due(&mut self, own: u32, now: Instant) -> Vec<Ipv4Addr> {
        self.peers.retain(|_, peer| peer.digests.other != own);
        let is_due = |peer: &&mut Difference| peer.due.is_some_and(|due| due <= now);
        self.peers
            .values_mut()
            .filter(is_due)
            .map(|peer| {
                peer.due = None;
                peer.sent_at = Some(now);
                peer.futile_sends += 1;
                peer.address
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;

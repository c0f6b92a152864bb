//! The lan actor's handshakes: each server shows the others that it is there now, and says again
//! what they did not believe before it had.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::LanActor;
use crate::fleet::Occasion;
use crate::lan::{Body, Handshake};
use porthole_election::Destination;

/// How long a message of the election is kept for who did not believe it yet: a handshake takes a
/// few milliseconds.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// How many are kept: what a server says at once when leadership changes.
const MAX_KEPT: usize = 4;

impl LanActor {
    /// Asks a server to show that it is there, or shows it that this one is. Whoever asks has
    /// passed over what this server said, so that is said again.
    pub(super) fn shake_hands(&mut self, with: SocketAddrV4, handshake: Handshake) {
        let to = Destination::One(*with.ip());
        self.send_to([with], to, Body::Handshake(handshake));
        if handshake.proof.is_none() {
            return;
        }
        if let Some(report) = self.own_report(Occasion::Unasked) {
            self.send_to([with], to, Body::Report(report));
        }
        let now = Instant::now();
        let missed: Vec<_> = (self.volatile.kept.iter())
            .filter(|(at, _, _)| now.saturating_duration_since(*at) < KEPT_FOR)
            .filter(|(_, meant_for, _)| *meant_for == Destination::Everybody || *meant_for == to)
            .map(|(_, _, message)| *message)
            .collect();
        for message in missed {
            self.send_to([with], to, Body::Election(message));
        }
    }

    /// Keeps a message of the election for a moment.
    pub(super) fn keep_for_who_missed_it(&mut self, to: Destination, body: &Body) {
        let Body::Election(message) = body else {
            return;
        };
        let kept = &mut self.volatile.kept;
        // The second of two is the same again.
        kept.retain(|(_, meant_for, earlier)| (meant_for, earlier) != (&to, message));
        kept.push_back((Instant::now(), to, *message));
        if kept.len() > MAX_KEPT {
            kept.pop_front();
        }
    }
}

//! The notice that a peer on this LAN has another site key: for the operator, on page and status.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tracing::warn;

use super::published::{Published, Publisher, published};
use crate::lan::KeyMismatch;

/// How long the notice stays after the last such message: many of its reports, however slow its
/// heartbeat.
const SHOWN_FOR: Duration = Duration::from_mins(10);

/// How often the log says it again.
const LOGGED_EVERY: Duration = Duration::from_mins(1);

/// A peer whose messages were refused for its key.
#[derive(Clone, Copy, Debug)]
struct ForeignPeer {
    address: Ipv4Addr,
    mismatch: KeyMismatch,
    heard_at: Instant,
    logged_at: Instant,
}

/// The last such peer, for as long as it is heard.
pub struct KeyNotice(Published<Option<ForeignPeer>>);

/// Who takes note of such peers: the lan actor.
pub struct KeyNoticePublisher(Publisher<Option<ForeignPeer>>);

impl KeyNotice {
    /// No such peer has been heard yet.
    pub fn new() -> (KeyNoticePublisher, Self) {
        let (publisher, last) = published(None);
        (KeyNoticePublisher(publisher), Self(last))
    }

    /// What to tell the operator, in words; nothing while no peer with another key was heard for ten
    /// minutes.
    pub fn words(&self) -> Option<String> {
        self.words_at(Instant::now())
    }

    fn words_at(&self, now: Instant) -> Option<String> {
        let last = *self.0.borrow();
        let last = last.filter(|last| now.saturating_duration_since(last.heard_at) < SHOWN_FOR)?;
        Some(words(last.address, last.mismatch))
    }
}

impl KeyNoticePublisher {
    /// A message from `address` was refused for its key.
    pub fn hear(&self, address: Ipv4Addr, mismatch: KeyMismatch) {
        let now = Instant::now();
        if self.note(address, mismatch, now) {
            warn!("{}", words(address, mismatch));
        }
    }

    /// Whether the log should say so.
    fn note(&self, address: Ipv4Addr, mismatch: KeyMismatch, now: Instant) -> bool {
        let last = *self.0.borrow();
        let logged_at = last
            .map(|last| last.logged_at)
            .filter(|at| now.saturating_duration_since(*at) < LOGGED_EVERY);
        let peer = ForeignPeer {
            address,
            mismatch,
            heard_at: now,
            logged_at: logged_at.unwrap_or(now),
        };
        self.0.replace(Some(peer), true);
        logged_at.is_none()
    }
}

fn words(address: Ipv4Addr, mismatch: KeyMismatch) -> String {
    let who = match mismatch {
        KeyMismatch::Another => {
            format!("A peer with another key is on this LAN ({address}): its messages are ignored.")
        }
        KeyMismatch::Missing => {
            format!("A peer without a key is on this LAN ({address}): its messages are ignored.")
        }
        KeyMismatch::Unexpected => format!(
            "A peer with a key is on this LAN ({address}), and this camera has none: its messages are ignored."
        ),
    };
    format!("{who} Give all cameras the same site.key.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 13);

    #[test]
    fn it_names_the_peer_and_what_to_do_until_nobody_was_heard_for_ten_minutes() {
        let (publisher, notice) = KeyNotice::new();
        let now = Instant::now();
        assert_eq!(notice.words_at(now), None);
        publisher.note(PEER, KeyMismatch::Another, now);
        assert_eq!(
            notice.words_at(now + SHOWN_FOR / 2).unwrap(),
            "A peer with another key is on this LAN (192.168.77.13): its messages are ignored. \
             Give all cameras the same site.key."
        );
        assert_eq!(notice.words_at(now + SHOWN_FOR), None);
    }

    #[test]
    fn the_log_says_it_at_first_and_then_once_a_minute() {
        let (publisher, _notice) = KeyNotice::new();
        let start = Instant::now();
        let logged = (0..180)
            .filter(|second| {
                publisher.note(
                    PEER,
                    KeyMismatch::Missing,
                    start + Duration::from_secs(*second),
                )
            })
            .collect::<Vec<_>>();
        assert_eq!(logged, [0, 60, 120]);
    }
}

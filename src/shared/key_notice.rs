//! The notice that a peer on this LAN has another site key, or a program of another version: for
//! the operator, on page and status.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tracing::warn;

use super::published::{Published, Publisher, published};
use crate::lan::{Incompatibility, KeyMismatch};

/// How long the notice stays after the last such message: many of its reports, however slow its
/// heartbeat.
const SHOWN_FOR: Duration = Duration::from_mins(10);

/// How often the log says it again.
const LOGGED_EVERY: Duration = Duration::from_mins(1);

/// A peer whose messages were refused for its key or its version.
#[derive(Clone, Copy, Debug)]
struct ForeignPeer {
    address: Ipv4Addr,
    why: Incompatibility,
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

    /// What to tell the operator, in words; nothing while no such peer was heard for ten minutes.
    pub fn words(&self) -> Option<String> {
        self.words_at(Instant::now())
    }

    fn words_at(&self, now: Instant) -> Option<String> {
        let last = *self.0.borrow();
        let last = last.filter(|last| now.saturating_duration_since(last.heard_at) < SHOWN_FOR)?;
        Some(words(last.address, last.why))
    }
}

impl KeyNoticePublisher {
    /// A message from `address` was refused for this.
    pub fn hear(&self, address: Ipv4Addr, why: Incompatibility) {
        let now = Instant::now();
        if self.note(address, why, now) {
            warn!("{}", words(address, why));
        }
    }

    /// Whether the log should say so.
    fn note(&self, address: Ipv4Addr, why: Incompatibility, now: Instant) -> bool {
        let last = *self.0.borrow();
        let logged_at = last
            .map(|last| last.logged_at)
            .filter(|at| now.saturating_duration_since(*at) < LOGGED_EVERY);
        let peer = ForeignPeer {
            address,
            why,
            heard_at: now,
            logged_at: logged_at.unwrap_or(now),
        };
        self.0.replace(Some(peer), true);
        logged_at.is_none()
    }
}

fn words(address: Ipv4Addr, why: Incompatibility) -> String {
    let (peer, remedy) = match why {
        Incompatibility::Key(mismatch) => (of_key(mismatch), "Give all cameras the same site.key."),
        Incompatibility::Version => (
            "A peer whose program is of another version",
            "Install the same version of Porthole on all cameras.",
        ),
    };
    let here = match why {
        Incompatibility::Key(KeyMismatch::Unexpected) => ", and this camera has none",
        _ => "",
    };
    format!("{peer} is on this LAN ({address}){here}: its messages are ignored. {remedy}")
}

fn of_key(mismatch: KeyMismatch) -> &'static str {
    match mismatch {
        KeyMismatch::Another => "A peer with another key",
        KeyMismatch::Missing => "A peer without a key",
        KeyMismatch::Unexpected => "A peer with a key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 13);
    const ANOTHER: Incompatibility = Incompatibility::Key(KeyMismatch::Another);

    #[test]
    fn it_names_the_peer_and_what_to_do_until_nobody_was_heard_for_ten_minutes() {
        let (publisher, notice) = KeyNotice::new();
        let now = Instant::now();
        assert_eq!(notice.words_at(now), None);
        publisher.note(PEER, ANOTHER, now);
        assert_eq!(
            notice.words_at(now + SHOWN_FOR / 2).unwrap(),
            "A peer with another key is on this LAN (192.168.77.13): its messages are ignored. \
             Give all cameras the same site.key."
        );
        assert_eq!(notice.words_at(now + SHOWN_FOR), None);
        publisher.note(PEER, Incompatibility::Version, now);
        assert_eq!(
            notice.words_at(now).unwrap(),
            "A peer whose program is of another version is on this LAN (192.168.77.13): its \
             messages are ignored. Install the same version of Porthole on all cameras."
        );
    }

    #[test]
    fn the_log_says_it_at_first_and_then_once_a_minute() {
        let (publisher, _notice) = KeyNotice::new();
        let start = Instant::now();
        let logged = (0..180)
            .filter(|second| publisher.note(PEER, ANOTHER, start + Duration::from_secs(*second)))
            .collect::<Vec<_>>();
        assert_eq!(logged, [0, 60, 120]);
    }
}

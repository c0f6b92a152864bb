//! What happened lately: the last changes of office, fleet and router, for who listens
//! (`/api/v1/events`).
//!
//! Nobody reports a change here. The election actor, the one writer, shows the cell what is known
//! now ([`Snapshot`]), and the cell compares it with what was known when it was last shown: a crash
//! between two looks loses no change, and the listeners, who hang on a watch, do not notice it.

mod changes;
mod listener;
mod snapshot;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{Semaphore, watch};

use changes::changes;
pub use changes::{CameraChange, Change, RouterChange};
pub use listener::{Heard, Listener};
pub use snapshot::Snapshot;

use super::Named;

/// How many changes are kept: enough for a listener that was away for a while, and no more than a
/// page of text.
const KEPT: usize = 64;

/// How many may listen at a time.
pub const LISTENERS: usize = 64;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Rises by one with each change since the program started, from 1.
    pub sequence: u64,
    /// When this server noticed.
    pub at: SystemTime,
    /// What changed.
    pub change: Change,
}

/// The last changes, as a value that is replaced whole.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The oldest first, with sequence numbers one after the other; at most [`KEPT`].
    entries: VecDeque<Arc<Entry>>,
    /// What was known at the last look.
    snapshot: Option<Snapshot>,
}

/// The cell.
pub struct History {
    log: watch::Sender<Arc<Log>>,
    seats: Arc<Semaphore>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            log: watch::Sender::new(Arc::default()),
            seats: Arc::new(Semaphore::new(LISTENERS)),
        }
    }
}

impl History {
    /// Takes note of whatever is different from the last look. The first look only sets the
    /// measure.
    pub(super) fn look(&self, snapshot: Snapshot, at: SystemTime) {
        let before = self.log.borrow().clone();
        let news = before
            .snapshot
            .as_ref()
            .map(|last| changes(last, &snapshot, before.last_holder()))
            .unwrap_or_default();
        let wake = !news.is_empty();
        let after = Arc::new(before.with(news, snapshot, at));
        self.log.send_if_modified(|log| {
            *log = after;
            wake
        });
    }

    /// A listener, unless all seats are taken.
    pub fn listen(&self, heard: Heard) -> Option<Listener> {
        let seat = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        Some(Listener::new(self.log.subscribe(), heard, seat))
    }

    /// For who only wants to know when to look again.
    pub fn watch(&self) -> watch::Receiver<Arc<Log>> {
        self.log.subscribe()
    }
}

impl Log {
    fn with(&self, news: Vec<Change>, snapshot: Snapshot, at: SystemTime) -> Self {
        let mut entries = self.entries.clone();
        for change in news {
            let sequence = entries.back().map_or(0, |last| last.sequence) + 1;
            entries.push_back(Arc::new(Entry {
                sequence,
                at,
                change,
            }));
        }
        entries.drain(..entries.len().saturating_sub(KEPT));
        Self {
            entries,
            snapshot: Some(snapshot),
        }
    }

    /// The sequence number of the newest change; 0 before the first.
    fn newest(&self) -> u64 {
        self.entries.back().map_or(0, |last| last.sequence)
    }

    /// What came after `sequence`, the oldest first, as far as it is kept.
    fn after(&self, sequence: u64) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries
            .iter()
            .filter(move |entry| entry.sequence > sequence)
    }

    /// The sequence number of the newest change that is kept no more; 0 while all are.
    fn forgotten(&self) -> u64 {
        self.entries.front().map_or(0, |oldest| oldest.sequence - 1)
    }

    /// Who was last said to hold the office.
    fn last_holder(&self) -> Option<&Named> {
        match &self.last_of_office()?.change {
            Change::Representative { to, .. } => Some(to),
            Change::Vacancy { previous, .. } => previous.as_ref(),
            Change::Camera { .. } | Change::Router(_) => None,
        }
    }

    /// The last change of office.
    fn last_of_office(&self) -> Option<&Arc<Entry>> {
        let of_office = |entry: &&Arc<Entry>| {
            matches!(
                entry.change,
                Change::Representative { .. } | Change::Vacancy { .. }
            )
        };
        self.entries.iter().rev().find(of_office)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::snapshot::tests::{router_with, snapshot};
    use super::*;
    use porthole_election::Cause;

    /// A history of so many changes.
    pub(super) fn history(changes: u8) -> History {
        let history = History::default();
        history.look(snapshot(), SystemTime::UNIX_EPOCH);
        grow(&history, 0..changes);
        history
    }

    /// A router that gets one address after another.
    pub(super) fn grow(history: &History, hosts: Range<u8>) {
        for host in hosts {
            let mut seen = history
                .log
                .borrow()
                .snapshot
                .clone()
                .unwrap_or_else(snapshot);
            seen.router = router_with(host);
            history.look(seen, SystemTime::UNIX_EPOCH);
        }
    }

    /// This server becomes the representative.
    pub(super) fn office(history: &History) {
        let mut seen = history.log.borrow().snapshot.clone().unwrap();
        seen.office = crate::shared::LeadershipView::Held {
            by: seen.cameras[0].named.clone(),
            since: None,
            cause: Some(Cause::Free),
        };
        history.look(seen, SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn the_first_look_is_no_change_and_the_same_again_wakes_nobody() {
        let history = History::default();
        let mut watch = history.watch();
        history.look(snapshot(), SystemTime::UNIX_EPOCH);
        history.look(snapshot(), SystemTime::UNIX_EPOCH);
        assert_eq!(watch.borrow().newest(), 0);
        assert!(!watch.has_changed().unwrap());
        grow(&history, 0..1);
        assert!(watch.has_changed().unwrap());
        assert_eq!(watch.borrow_and_update().newest(), 1);
    }

    #[test]
    fn only_the_newest_are_kept_and_their_numbers_go_on() {
        let log = history(100).watch().borrow().clone();
        let kept: Vec<_> = log.after(0).map(|entry| entry.sequence).collect();
        assert_eq!(kept, (37..=100).collect::<Vec<_>>());
        assert_eq!(kept.len(), KEPT);
        assert_eq!((log.newest(), log.forgotten()), (100, 36));
    }
}

//! What happened lately: the last changes of leadership, fleet and router, for the listeners of
//! `/api/v1/events`.
//!
//! Nobody reports a change here. The election actor, the one writer, passes what is known now
//! ([`Snapshot`]), which is compared with the snapshot before: a crash between two of them loses no
//! change, and the listeners, who wait on a watch, do not notice it.

mod changes;
mod listener;
mod snapshot;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{Semaphore, watch};

use changes::changes;
pub use changes::{CameraChange, RouterChange, SiteChange};
pub use listener::{Listener, ResumePoint};
pub use snapshot::Snapshot;

use super::CameraRef;

/// How many changes are kept: enough for a listener that was away for a while, and no more than a
/// page of text.
const KEPT: usize = 64;

/// How many may listen at a time.
pub const LISTENERS: usize = 64;

/// A change that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Rises by one with each change since the program started, from 1.
    pub sequence: u64,
    /// When this server noticed.
    pub at: SystemTime,
    /// What had changed since the snapshot before.
    pub change: SiteChange,
}

/// The last changes, as a value that is replaced whole.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The oldest first, with sequence numbers one after the other; at most [`KEPT`].
    entries: VecDeque<Arc<HistoryEntry>>,
    /// What was known last.
    snapshot: Option<Snapshot>,
}

/// The log, and who may listen to it.
pub struct History {
    log: watch::Sender<Arc<Log>>,
    listeners: Arc<Semaphore>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            log: watch::Sender::new(Arc::default()),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
        }
    }
}

impl History {
    /// Adds whatever is different from the snapshot before. The first one is only kept.
    pub(super) fn record(&self, snapshot: Snapshot, at: SystemTime) {
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

    /// A listener, unless [`LISTENERS`] listen already.
    pub fn listen(&self, from: ResumePoint) -> Option<Listener> {
        let permit = Arc::clone(&self.listeners).try_acquire_owned().ok()?;
        Some(Listener::new(self.log.subscribe(), from, permit))
    }

    /// Wakes whenever there is a new entry.
    pub fn watch(&self) -> watch::Receiver<Arc<Log>> {
        self.log.subscribe()
    }
}

impl Log {
    fn with(&self, news: Vec<SiteChange>, snapshot: Snapshot, at: SystemTime) -> Self {
        let mut entries = self.entries.clone();
        for change in news {
            let sequence = entries.back().map_or(0, |last| last.sequence) + 1;
            entries.push_back(Arc::new(HistoryEntry {
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
    fn after(&self, sequence: u64) -> impl Iterator<Item = &Arc<HistoryEntry>> {
        self.entries
            .iter()
            .filter(move |entry| entry.sequence > sequence)
    }

    /// The sequence number of the newest change that is kept no more; 0 while all are.
    fn forgotten(&self) -> u64 {
        self.entries.front().map_or(0, |oldest| oldest.sequence - 1)
    }

    /// The last one that was said to be the representative.
    fn last_holder(&self) -> Option<&CameraRef> {
        match &self.last_of_leadership()?.change {
            SiteChange::Representative { to, .. } => Some(to),
            SiteChange::Vacancy { previous, .. } => previous.as_ref(),
            SiteChange::Camera { .. } | SiteChange::Router(_) => None,
        }
    }

    /// The last change of leadership.
    fn last_of_leadership(&self) -> Option<&Arc<HistoryEntry>> {
        let of_leadership = |entry: &&Arc<HistoryEntry>| {
            matches!(
                entry.change,
                SiteChange::Representative { .. } | SiteChange::Vacancy { .. }
            )
        };
        self.entries.iter().rev().find(of_leadership)
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
        history.record(snapshot(), SystemTime::UNIX_EPOCH);
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
            history.record(seen, SystemTime::UNIX_EPOCH);
        }
    }

    /// This server becomes the representative.
    pub(super) fn become_representative(history: &History) {
        let mut seen = history.log.borrow().snapshot.clone().unwrap();
        seen.leadership = Some(crate::shared::LeadershipView::Held {
            by: seen.cameras[0].named.clone(),
            term: seen.term,
            since: None,
            reason: Cause::Free.into(),
            words: String::new(),
        });
        history.record(seen, SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn the_first_snapshot_is_no_change_and_the_same_again_wakes_nobody() {
        let history = History::default();
        let mut watch = history.watch();
        history.record(snapshot(), SystemTime::UNIX_EPOCH);
        history.record(snapshot(), SystemTime::UNIX_EPOCH);
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

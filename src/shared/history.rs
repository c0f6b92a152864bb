//! What happened lately: the last changes of leadership, fleet and router, for the listeners of
//! `/api/v1/events`.
//!
//! Nobody reports a change here. The election actor, the one writer, passes what is known now
//! ([`Snapshot`]), which is compared with the snapshot before: a crash between two of them loses no
//! change, and the listeners, who wait on a watch, do not notice it.

mod changes;
mod listener;
mod log;
mod snapshot;

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{Semaphore, watch};

use changes::changes;
pub use changes::{CameraChange, RouterChange, SiteChange};
pub use listener::{Listener, ResumePoint};
pub use log::{HistoryEntry, Log};
pub use snapshot::Snapshot;

/// How many may listen at a time: more than the web server has seats for, since whoever has lost
/// one is here for a moment yet.
pub const LISTENERS: usize = 96;

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

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::log::KEPT;
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

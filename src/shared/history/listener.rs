//! A listener to changes: a place in the log, and one of the permits to listen. The log itself is
//! the queue, so a listener that does not keep up costs nothing; it is let go, and may come back
//! for what is kept.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::log::{HistoryEntry, Log};

/// Where a listener begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumePoint {
    /// With what comes: it is new.
    Now,
    /// Behind this sequence number of this run of this server.
    After(u64),
    /// It has listened to another server or another run: the last change of leadership comes
    /// first, so that it learns of the representative.
    LastLeadership,
}

/// A listener, for as long as it lives.
pub struct Listener {
    log: watch::Receiver<Arc<Log>>,
    /// What is told before anything new.
    first: Option<Arc<HistoryEntry>>,
    heard: u64,
    _permit: OwnedSemaphorePermit,
}

impl Listener {
    pub(super) fn new(
        log: watch::Receiver<Arc<Log>>,
        from: ResumePoint,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let now = log.borrow().clone();
        Self {
            log,
            first: match from {
                ResumePoint::LastLeadership => now.last_of_leadership().cloned(),
                ResumePoint::Now | ResumePoint::After(_) => None,
            },
            heard: match from {
                ResumePoint::Now | ResumePoint::LastLeadership => now.newest(),
                // What was forgotten meanwhile cannot be had; a number that was never given means
                // nothing.
                ResumePoint::After(sequence) => sequence.max(now.forgotten()).min(now.newest()),
            },
            _permit: permit,
        }
    }

    /// The sequence number from which it is told everything.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// What is new to it, the oldest first, waited for. Nothing when it was too slow, or the
    /// program ends.
    pub async fn next(&mut self) -> Option<Vec<Arc<HistoryEntry>>> {
        if let Some(first) = self.first.take() {
            return Some(vec![first]);
        }
        loop {
            let log = self.log.borrow_and_update().clone();
            if self.heard < log.forgotten() {
                return None;
            }
            if self.heard < log.newest() {
                let news = log.after(self.heard).cloned().collect();
                self.heard = log.newest();
                return Some(news);
            }
            self.log.changed().await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::tests::{become_representative, grow, history};
    use super::super::{History, LISTENERS, SiteChange};
    use super::*;

    async fn sequences(listener: &mut Listener) -> Vec<u64> {
        let news = listener.next().await.expect("it kept up");
        news.iter().map(|entry| entry.sequence).collect()
    }

    #[tokio::test]
    async fn a_new_listener_hears_what_comes_and_nothing_of_before() {
        let history = history(3);
        let mut listener = history.listen(ResumePoint::Now).unwrap();
        assert!(listener.next().now_or_never().is_none());
        grow(&history, 3..5);
        assert_eq!(sequences(&mut listener).await, [4, 5]);
    }

    #[tokio::test]
    async fn a_listener_that_comes_back_hears_what_it_missed_as_far_as_it_is_kept() {
        let history = history(100);
        for (heard, first) in [(98, 99), (10, 37)] {
            let mut listener = history.listen(ResumePoint::After(heard)).unwrap();
            let expected: Vec<_> = (first..=100).collect();
            assert_eq!(sequences(&mut listener).await, expected);
        }
        let mut listener = history.listen(ResumePoint::After(u64::MAX)).unwrap();
        assert!(listener.next().now_or_never().is_none());
        grow(&history, 100..101);
        assert_eq!(sequences(&mut listener).await, [101]);
    }

    #[tokio::test]
    async fn a_listener_from_another_server_hears_of_the_last_change_of_leadership_first() {
        let history = history(3);
        become_representative(&history);
        grow(&history, 3..5);
        let mut listener = history.listen(ResumePoint::LastLeadership).unwrap();
        let first = listener.next().await.unwrap();
        assert!(matches!(first[0].change, SiteChange::Representative { .. }));
        assert_eq!(first.len(), 1);
        assert!(listener.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_listener_that_falls_behind_what_is_kept_is_let_go_and_can_come_back() {
        let history = history(1);
        let mut slow = history.listen(ResumePoint::Now).unwrap();
        grow(&history, 1..100);
        assert!(slow.next().await.is_none());
        let mut again = history.listen(ResumePoint::After(1)).unwrap();
        assert_eq!(sequences(&mut again).await.last(), Some(&100));
    }

    #[test]
    fn so_many_may_listen_and_another_one_when_one_has_left() {
        let history = History::default();
        let mut listeners: Vec<_> = (0..LISTENERS)
            .map(|_| {
                history
                    .listen(ResumePoint::Now)
                    .expect("fewer listen than may")
            })
            .collect();
        assert!(history.listen(ResumePoint::Now).is_none());
        listeners.pop();
        assert!(history.listen(ResumePoint::Now).is_some());
    }
}

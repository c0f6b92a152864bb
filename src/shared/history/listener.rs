//! One who listens for changes: a place in the log, and a seat. The log itself is the queue, so a
//! listener that does not keep up costs nothing; it is let go, and may come back for what is kept.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{Entry, Log};

/// What a listener has heard before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing, and it wants to know only of what comes.
    Nothing,
    /// Everything from this server up to this sequence number.
    UpTo(u64),
    /// Something from another server or another run: it must learn who is representative now.
    Elsewhere,
}

/// A listener, for as long as it lives.
pub struct Listener {
    log: watch::Receiver<Arc<Log>>,
    /// What is told before anything new.
    first: Option<Arc<Entry>>,
    heard: u64,
    _seat: OwnedSemaphorePermit,
}

impl Listener {
    pub(super) fn new(
        log: watch::Receiver<Arc<Log>>,
        heard: Heard,
        seat: OwnedSemaphorePermit,
    ) -> Self {
        let now = log.borrow().clone();
        Self {
            log,
            first: match heard {
                Heard::Elsewhere => now.last_of_office().cloned(),
                Heard::Nothing | Heard::UpTo(_) => None,
            },
            heard: match heard {
                Heard::Nothing | Heard::Elsewhere => now.newest(),
                // What was forgotten meanwhile cannot be had; a number that was never given means
                // nothing.
                Heard::UpTo(sequence) => sequence.max(now.forgotten()).min(now.newest()),
            },
            _seat: seat,
        }
    }

    /// The sequence number from which it is told everything.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// What is new to it, the oldest first, waited for. Nothing when it was too slow, or the
    /// program ends.
    pub async fn next(&mut self) -> Option<Vec<Arc<Entry>>> {
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

    use super::super::tests::{grow, history, office};
    use super::super::{Change, History, LISTENERS};
    use super::*;

    async fn sequences(listener: &mut Listener) -> Vec<u64> {
        let news = listener.next().await.expect("it kept up");
        news.iter().map(|entry| entry.sequence).collect()
    }

    #[tokio::test]
    async fn a_new_listener_hears_what_comes_and_nothing_of_before() {
        let history = history(3);
        let mut listener = history.listen(Heard::Nothing).unwrap();
        assert!(listener.next().now_or_never().is_none());
        grow(&history, 3..5);
        assert_eq!(sequences(&mut listener).await, [4, 5]);
    }

    #[tokio::test]
    async fn who_comes_back_hears_what_it_missed_as_far_as_it_is_kept() {
        let history = history(100);
        for (heard, first) in [(98, 99), (10, 37)] {
            let mut listener = history.listen(Heard::UpTo(heard)).unwrap();
            let expected: Vec<_> = (first..=100).collect();
            assert_eq!(sequences(&mut listener).await, expected);
        }
        let mut listener = history.listen(Heard::UpTo(u64::MAX)).unwrap();
        assert!(listener.next().now_or_never().is_none());
        grow(&history, 100..101);
        assert_eq!(sequences(&mut listener).await, [101]);
    }

    #[tokio::test]
    async fn who_comes_from_another_server_hears_of_the_last_change_of_office_first() {
        let history = history(3);
        office(&history);
        grow(&history, 3..5);
        let mut listener = history.listen(Heard::Elsewhere).unwrap();
        let first = listener.next().await.unwrap();
        assert!(matches!(first[0].change, Change::Representative { .. }));
        assert_eq!(first.len(), 1);
        assert!(listener.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_listener_that_falls_behind_what_is_kept_is_let_go_and_can_come_back() {
        let history = history(1);
        let mut slow = history.listen(Heard::Nothing).unwrap();
        grow(&history, 1..100);
        assert!(slow.next().await.is_none());
        let mut again = history.listen(Heard::UpTo(1)).unwrap();
        assert_eq!(sequences(&mut again).await.last(), Some(&100));
    }

    #[test]
    fn there_are_so_many_seats_and_a_seat_that_is_left_is_free_again() {
        let history = History::default();
        let mut seats: Vec<_> = (0..LISTENERS)
            .map(|_| history.listen(Heard::Nothing).expect("a free seat"))
            .collect();
        assert!(history.listen(Heard::Nothing).is_none());
        seats.pop();
        assert!(history.listen(Heard::Nothing).is_some());
    }
}

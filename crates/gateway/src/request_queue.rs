//! [`RequestQueue`]: requests to a router go out as its [`Budget`] allows, first come first served.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::budget::Budget;

/// Requests that may wait at a time, this one's turn included: half a minute of them.
pub const MOST_WAITING: u32 = 30;

/// More requests wait than [`MOST_WAITING`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

/// The budget of one router, and those who wait for it. A request that is no longer wanted while it
/// waits has cost nothing: drop its future.
#[derive(Debug)]
pub struct RequestQueue {
    /// Held for as long as it takes to count, never across an await.
    budget: Mutex<Budget>,
    /// Held by who waits for the next token; the others queue up for it in order.
    first: tokio::sync::Mutex<()>,
    /// Those in line.
    waiting: AtomicU32,
}

/// A place in the line, given back when dropped.
struct Place<'a>(&'a AtomicU32);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RequestQueue {
    /// A queue in which nobody waits; a token comes in every `spacing` ([`spacing`]).
    ///
    /// [`spacing`]: crate::budget::spacing
    #[must_use]
    pub fn new(spacing: Duration) -> Self {
        Self {
            budget: Mutex::new(Budget::new(spacing, Instant::now().into_std())),
            first: tokio::sync::Mutex::default(),
            waiting: AtomicU32::new(0),
        }
    }

    /// Waits until a request may go out, and takes its token. Returns how long that took, none
    /// where it could go at once.
    ///
    /// # Errors
    /// At once, when too many wait already.
    pub async fn turn(&self) -> Result<Option<Duration>, QueueFull> {
        let began = Instant::now();
        let place = self.place()?;
        let (turn, mut waited) = match self.first.try_lock() {
            Ok(turn) => (turn, false),
            Err(_) => (self.first.lock().await, true),
        };
        loop {
            let taken = self.budget().take(Instant::now().into_std());
            match taken {
                Ok(()) => break,
                Err(then) => sleep_until(then.into()).await,
            }
            waited = true;
        }
        drop((turn, place));
        Ok(waited.then(|| began.elapsed()))
    }

    /// Waits until a poll may begin, without holding up what is urgent. Returns how long that took,
    /// none where it could begin at once.
    pub async fn poll_turn(&self) -> Option<Duration> {
        let began = Instant::now();
        let mut waited = false;
        loop {
            let allowed = self.budget().begin_poll(Instant::now().into_std());
            match allowed {
                Ok(()) => return waited.then(|| began.elapsed()),
                Err(then) => sleep_until(then.into()).await,
            }
            waited = true;
        }
    }

    /// Whether a table that is read entry by entry has cost enough.
    #[must_use]
    pub fn ends_table(&self) -> bool {
        self.budget().ends_table(Instant::now().into_std())
    }

    fn place(&self) -> Result<Place<'_>, QueueFull> {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place(&self.waiting);
        if before < MOST_WAITING {
            Ok(place)
        } else {
            Err(QueueFull)
        }
    }

    /// Each change of a budget is one assignment: a panic elsewhere leaves it whole.
    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn in_debt() -> Arc<RequestQueue> {
        let queue = Arc::new(RequestQueue::new(SECOND));
        for _ in 0..60 {
            assert_eq!(queue.turn().await, Ok(None));
        }
        queue
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_go_in_the_order_in_which_they_came_one_a_second() {
        let queue = in_debt().await;
        let began = Instant::now();
        let order = Arc::new(Mutex::new(Vec::new()));
        let requests = (1..=5).map(|number| {
            let (queue, order) = (Arc::clone(&queue), Arc::clone(&order));
            async move {
                let waited = queue.turn().await.unwrap().unwrap();
                order
                    .lock()
                    .unwrap()
                    .push((number, began.elapsed().as_secs()));
                assert_eq!(waited, began.elapsed());
            }
        });
        futures_util::future::join_all(requests).await;
        assert_eq!(
            *order.lock().unwrap(),
            [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_while_it_waits_takes_no_token_and_no_place() {
        let queue = in_debt().await;
        let began = Instant::now();
        for _ in 0..2 * MOST_WAITING {
            let one = tokio::time::timeout(SECOND / 1_000, queue.turn()).await;
            assert!(one.is_err());
        }
        queue.turn().await.unwrap();
        let took = began.elapsed();
        assert!((SECOND..SECOND * 101 / 100).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn when_too_many_wait_the_next_is_refused() {
        let queue = in_debt().await;
        let requests = (0..=MOST_WAITING).map(|_| queue.turn());
        let results = futures_util::future::join_all(requests).await;
        let refused = results.iter().filter(|result| **result == Err(QueueFull));
        assert_eq!(refused.count(), 1);
        assert_eq!(results.last(), Some(&Err(QueueFull)));
        assert!(queue.turn().await.is_ok(), "the line is empty again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_waits_beside_the_line_and_not_in_it() {
        let queue = in_debt().await;
        assert_eq!(queue.poll_turn().await, None, "the first");
        let began = Instant::now();
        let (polled, asked) = tokio::join!(queue.poll_turn(), queue.turn());
        assert_eq!(asked, Ok(Some(SECOND)));
        assert_eq!(polled, Some(began.elapsed()));
        assert_eq!(
            began.elapsed(),
            39 * SECOND,
            "30 and the one are owed, and 8 have to be there"
        );
    }
}

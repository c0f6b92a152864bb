//! Hashing passwords beside the arbiters, one at a time: it takes up to half a second and the one
//! [buffer](super::password) that there is.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::LoginError;
use super::fair_queue::FairQueue;
use super::lock::lock;
use super::throttle::AttemptClass;

/// Those that may wait for their turn, and how long.
const WAITING: usize = 64;
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Has one password hashed at a time, and lets few wait for it.
#[derive(Clone)]
pub struct HashingPool(Arc<Mutex<Turns>>);

struct Turns {
    taken: bool,
    waiting: FairQueue<oneshot::Sender<HashingTurn>>,
}

/// Leave to hash; the next one has it when this is dropped.
pub struct HashingTurn {
    /// None once it was passed on.
    pool: Option<HashingPool>,
}

impl HashingPool {
    /// Nobody hashes yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Turns {
            taken: false,
            waiting: FairQueue::new(WAITING),
        })))
    }

    /// A turn to hash; few wait for one, not for long, and addresses one after the other.
    ///
    /// # Errors
    /// [`LoginError::Busy`] when the queue is full, the wait was too long, or the place went to
    /// somebody of an address that had fewer.
    pub async fn turn(&self, from: IpAddr, class: AttemptClass) -> Result<HashingTurn, LoginError> {
        let waiting = {
            let mut turns = lock(&self.0);
            if !turns.taken {
                turns.taken = true;
                return Ok(self.new_turn());
            }
            let (sender, receiver) = oneshot::channel();
            turns.waiting.retain(|waiter| !waiter.is_closed());
            let displaced = turns.waiting.push(from, class, sender);
            // Whoever lost its place hears of it by the end of its channel.
            drop(displaced.map_err(|_| LoginError::Busy)?);
            receiver
        };
        match timeout(MAX_WAIT, waiting).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(LoginError::Busy),
        }
    }

    /// How many wait for their turn.
    pub fn waiting(&self) -> usize {
        lock(&self.0).waiting.len()
    }

    fn new_turn(&self) -> HashingTurn {
        HashingTurn {
            pool: Some(self.clone()),
        }
    }

    /// Gives the turn to whoever waits and still listens.
    fn pass_on(&self) {
        loop {
            let next = {
                let mut turns = lock(&self.0);
                turns.waiting.retain(|waiter| !waiter.is_closed());
                let next = turns.waiting.pop();
                turns.taken = next.is_some();
                next
            };
            // Outside of the lock: a turn that nobody takes is dropped, which would come here.
            let Some(next) = next else { return };
            match next.send(self.new_turn()) {
                Ok(()) => return,
                Err(mut unwanted) => unwanted.pool = None,
            }
        }
    }
}

impl Drop for HashingTurn {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.pass_on();
        }
    }
}

/// Hashes on a thread for blocking work. The turn is over when that is done, not when nobody waits
/// for it any more.
///
/// # Errors
/// [`LoginError::Internal`] when there was no memory, or the hashing panicked.
pub async fn hash_in_background<T: Send + 'static>(
    turn: HashingTurn,
    hash: impl FnOnce() -> Result<T, argon2::password_hash::Error> + Send + 'static,
) -> Result<T, LoginError> {
    let done = tokio::task::spawn_blocking(move || {
        let done = hash();
        drop(turn);
        done
    });
    match done.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!(%error, "a password could not be hashed");
            Err(LoginError::Internal)
        }
        // The panic hook has logged it.
        Err(_) => Err(LoginError::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    fn from(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[tokio::test]
    async fn one_has_a_turn_and_the_others_follow_fairly() {
        let pool = HashingPool::new();
        let first = pool.turn(from(1), AttemptClass::Stranger).await.unwrap();
        let mut crowd: Vec<_> = (0..4)
            .map(|_| Box::pin(pool.turn(from(1), AttemptClass::Stranger)))
            .collect();
        for waiter in &mut crowd {
            assert!(waiter.as_mut().now_or_never().is_none());
        }
        let mut other = Box::pin(pool.turn(from(2), AttemptClass::Stranger));
        assert!(other.as_mut().now_or_never().is_none());
        // The first of the crowd gives up: its turn is not lost.
        drop(crowd.remove(0));
        drop(first);
        let second = crowd[0].as_mut().now_or_never().expect("it is its turn");
        assert!(other.as_mut().now_or_never().is_none(), "one at a time");
        drop(second.unwrap());
        assert!(other.await.is_ok(), "before the rest of the crowd");
        drop(crowd.remove(0));
        for left in join_all(crowd.drain(..1)).await {
            drop(left.unwrap());
        }
    }

    #[tokio::test]
    async fn a_full_queue_ends_in_words_and_has_room_for_another_address() {
        let pool = HashingPool::new();
        let _first = pool.turn(from(1), AttemptClass::Stranger).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING)
            .map(|_| Box::pin(pool.turn(from(1), AttemptClass::Stranger)))
            .collect();
        for waiter in &mut waiting {
            assert!(waiter.as_mut().now_or_never().is_none());
        }
        let refused = pool.turn(from(1), AttemptClass::Stranger).now_or_never();
        assert!(matches!(refused, Some(Err(LoginError::Busy))));
        // Another address has the last place of the first one's.
        let mut other = Box::pin(pool.turn(from(2), AttemptClass::Exempt));
        assert!(other.as_mut().now_or_never().is_none());
        let displaced = waiting.last_mut().unwrap().as_mut().now_or_never();
        assert!(matches!(displaced, Some(Err(LoginError::Busy))));
        assert!(other.as_mut().now_or_never().is_none(), "it waits");
    }
}

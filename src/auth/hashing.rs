//! Hashing passwords beside the arbiters, a few at a time: it takes 19 MiB and up to half a second
//! each ([`super::password`]).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::LoginError;

/// Hashes at a time.
const CONCURRENT: usize = 2;

/// Those that may wait for a permit, and how long.
const WAITING: usize = 32;
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Bounds how many passwords are hashed, and how many wait for it.
pub struct HashingPool {
    permits: Arc<Semaphore>,
    queue: Semaphore,
}

impl HashingPool {
    /// With all permits free.
    pub fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(CONCURRENT)),
            queue: Semaphore::new(CONCURRENT + WAITING),
        }
    }

    /// A permit to hash; few wait for one, and not for long.
    ///
    /// # Errors
    /// [`LoginError::Busy`] when the queue is full or the wait was too long.
    pub async fn permit(&self) -> Result<OwnedSemaphorePermit, LoginError> {
        let _waiting = self.queue.try_acquire().map_err(|_| LoginError::Busy)?;
        let permit = Arc::clone(&self.permits).acquire_owned();
        match timeout(MAX_WAIT, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(LoginError::Busy),
        }
    }
}

/// Hashes on a thread for blocking work. The permit is given back when that is done, not when
/// nobody waits for it any more.
///
/// # Errors
/// [`LoginError::Internal`] when there was no memory, or the hashing panicked.
pub async fn hash_in_background<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    hash: impl FnOnce() -> Result<T, argon2::password_hash::Error> + Send + 'static,
) -> Result<T, LoginError> {
    let done = tokio::task::spawn_blocking(move || {
        let done = hash();
        drop(permit);
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

//! Locking what this folder shares between threads.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic: each change of what is locked here is one call that cannot fail
/// half-way.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

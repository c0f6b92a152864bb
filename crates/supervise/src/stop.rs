//! A token that asks a thread to end, on which the thread can sleep.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Set once, never unset. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct StopToken(Arc<(Mutex<bool>, Condvar)>);

impl StopToken {
    /// Asks; wakes whoever sleeps on the token.
    pub(super) fn set(&self) {
        let (set, changed) = &*self.0;
        *set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    /// Whether it was asked.
    pub(super) fn is_set(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until it is asked, at most for `limit`. Returns whether it was asked.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let (set, changed) = &*self.0;
        let guard = set.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, _) = changed
            .wait_timeout_while(guard, limit, |set| !*set)
            .unwrap_or_else(PoisonError::into_inner);
        *set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_token_wakes_the_sleeper_and_stays_set() {
        let stop = StopToken::default();
        assert!(!stop.wait(Duration::ZERO));
        let sleeper = std::thread::spawn({
            let stop = stop.clone();
            move || stop.wait(Duration::from_mins(1))
        });
        stop.set();
        assert!(sleeper.join().unwrap());
        assert!(stop.is_set() && stop.wait(Duration::ZERO));
    }
}

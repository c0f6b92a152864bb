//! What a blocking thread knows of its owner: whether to go on, and where to give a sign of life.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::silence::Silence;
use super::stop::Stop;

/// A thread's own side: whether to go on, and its sign of life.
pub struct Vitals {
    stop: Stop,
    pulse: Arc<AtomicU64>,
    /// How often to give a sign of life while waiting.
    every: Duration,
}

impl Vitals {
    /// Those of a new thread, which may be silent for `silence`.
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            stop: Stop::default(),
            pulse: Arc::default(),
            every: Silence::every(silence) / 2,
        }
    }

    /// The same thread's, for whoever attends it.
    pub(super) fn share(&self) -> Self {
        Self {
            stop: self.stop.clone(),
            pulse: Arc::clone(&self.pulse),
            every: self.every,
        }
    }

    /// The token that stops the thread.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// How many signs of life it gave.
    pub(super) fn signs(&self) -> u64 {
        self.pulse.load(Ordering::Relaxed)
    }

    /// Gives a sign of life and says whether to go on. To be called once per frame or so.
    pub fn go_on(&self) -> bool {
        self.pulse.fetch_add(1, Ordering::Relaxed);
        !self.stop.is_set()
    }

    /// Waits, giving signs of life, until `limit` is over or the thread is to stop. Says whether to
    /// go on.
    pub fn wait(&self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.go_on() {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return true;
            }
            self.stop.wait(left.min(self.every));
        }
        false
    }
}

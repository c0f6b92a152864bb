//! What a blocking thread shares with its owner: a stop token and a heartbeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::hang_detector::HangDetector;
use super::stop::StopToken;

/// A thread's own side: whether it is to stop, and its heartbeat.
pub struct ThreadContext {
    stop: StopToken,
    beats: Arc<AtomicU64>,
    /// The interval between two heartbeats while waiting.
    every: Duration,
}

impl ThreadContext {
    /// Of a new thread, which is taken for hung after `silence` without a heartbeat.
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            stop: StopToken::default(),
            beats: Arc::default(),
            every: HangDetector::every(silence) / 2,
        }
    }

    /// The same thread's, for the task that monitors it.
    pub(super) fn share(&self) -> Self {
        Self {
            stop: self.stop.clone(),
            beats: Arc::clone(&self.beats),
            every: self.every,
        }
    }

    /// The token that stops the thread.
    pub(super) fn stop(&self) -> &StopToken {
        &self.stop
    }

    /// How many heartbeats it gave.
    pub(super) fn heartbeats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Gives a heartbeat; true until the thread is to stop. To be called in every round of its
    /// loop.
    pub fn should_continue(&self) -> bool {
        self.beats.fetch_add(1, Ordering::Relaxed);
        !self.stop.is_set()
    }

    /// Waits, giving heartbeats, until `limit` is over (true) or the thread is to stop (false).
    pub fn wait(&self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.should_continue() {
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return true;
            }
            self.stop.wait(left.min(self.every));
        }
        false
    }
}

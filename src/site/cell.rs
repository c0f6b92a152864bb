//! Where the facts stand in the process.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::Facts;

/// The facts of this camera: merged into, never replaced by less.
pub struct FactsCell(watch::Sender<Facts>);

impl FactsCell {
    /// With what the state file kept.
    pub fn new(kept: Facts) -> Self {
        Self(watch::Sender::new(kept))
    }

    /// Merges what somebody knows into it; whether that was news.
    pub fn learn(&self, facts: &Facts) -> bool {
        self.0.send_if_modified(|known| {
            let mut merged = known.clone();
            merged.merge(facts);
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            merged.forget_ended(now.unwrap_or_default().as_secs());
            let news = merged != *known;
            *known = merged;
            news
        })
    }

    /// What is known now.
    pub fn now(&self) -> Facts {
        self.0.borrow().clone()
    }

    /// Looks at what is known now without copying it.
    pub fn with<T>(&self, look: impl FnOnce(&Facts) -> T) -> T {
        look(&self.0.borrow())
    }

    /// For who wants to know when it changes.
    pub fn watch(&self) -> watch::Receiver<Facts> {
        self.0.subscribe()
    }
}

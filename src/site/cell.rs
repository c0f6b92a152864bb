//! Where the facts stand in the process.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::AuthState;

/// The facts of this camera: merged into, never replaced by less.
pub struct AuthStateCell(watch::Sender<AuthState>);

impl AuthStateCell {
    /// With what the state file kept.
    pub fn new(kept: AuthState) -> Self {
        Self(watch::Sender::new(kept))
    }

    /// Merges what somebody knows into it; whether that was news.
    pub fn learn(&self, auth_state: &AuthState) -> bool {
        self.0.send_if_modified(|known| {
            let mut merged = known.clone();
            merged.merge(auth_state);
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            merged.forget_ended(now.unwrap_or_default().as_secs());
            let news = merged != *known;
            *known = merged;
            news
        })
    }

    /// What is known now.
    pub fn now(&self) -> AuthState {
        self.0.borrow().clone()
    }

    /// Looks at what is known now without copying it.
    pub fn with<T>(&self, look: impl FnOnce(&AuthState) -> T) -> T {
        look(&self.0.borrow())
    }

    /// For who wants to know when it changes.
    pub fn watch(&self) -> watch::Receiver<AuthState> {
        self.0.subscribe()
    }
}

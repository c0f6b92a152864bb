//! The process's copy of the [`AuthState`].

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::AuthState;

/// What this camera knows about logins. It is merged into, never replaced by less: two publishers
/// (the web server and the lan actor) cannot undo each other.
pub struct SharedAuthState(watch::Sender<AuthState>);

impl SharedAuthState {
    /// Begins with what the state file kept.
    pub fn new(kept: AuthState) -> Self {
        Self(watch::Sender::new(kept))
    }

    /// Merges a copy, a delta or a fragment into it, and forgets what has expired. Returns whether
    /// that changed anything.
    pub fn learn(&self, auth_state: &AuthState) -> bool {
        self.0.send_if_modified(|known| {
            let mut merged = known.clone();
            merged.merge(auth_state);
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            merged.forget_expired(now.unwrap_or_default().as_secs());
            let changed = merged != *known;
            *known = merged;
            changed
        })
    }

    /// A copy of what is known now.
    pub fn now(&self) -> AuthState {
        self.0.borrow().clone()
    }

    /// Reads what is known now without copying it.
    pub fn with<T>(&self, read: impl FnOnce(&AuthState) -> T) -> T {
        read(&self.0.borrow())
    }

    /// Tells of each change.
    pub fn watch(&self) -> watch::Receiver<AuthState> {
        self.0.subscribe()
    }
}

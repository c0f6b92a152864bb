//! [`LostState`]: a state file could not be used, so nobody knows which passwords were set over
//! HTTP, nor which logins were ended.
//!
//! The settings' passwords may be older than those. They count again when somebody says so, or when
//! another camera of the site tells which passwords are in force.

use serde::{Deserialize, Serialize};

use crate::site::AuthState;

/// What became of a state file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostState {
    /// Where it is now, for whoever wants to look.
    pub file: String,
    /// What was wrong with it.
    pub why: String,
}

impl LostState {
    /// Whether nobody is let in: until something is known about passwords.
    pub fn locks(lost: Option<&Self>, auth_state: &AuthState) -> bool {
        lost.is_some() && auth_state.passwords.is_none()
    }

    /// What it means and what to do, for the log and for `porthole doctor`.
    pub fn words(&self) -> String {
        format!(
            "the state file was of no use ({}) and is kept as {}. Passwords that were set on the \
             page are not known any more, so nobody can log in here: the passwords of the settings \
             may be older. Stop this camera and put a good copy of its state.json back, or let the \
             passwords of the settings count with `porthole reset-passwords`; then start it. With \
             a site.key it also learns new passwords from the other cameras.",
            self.why, self.file
        )
    }
}

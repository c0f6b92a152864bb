//! Why a login is refused.

use std::time::Duration;

/// Why user name and password were not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// They are wrong.
    #[error("user name or password is wrong")]
    Wrong,
    /// They were not looked at: too many wrong ones came before. So long to wait.
    #[error("too many wrong tries; try again in {} s", .0.as_secs() + 1)]
    Throttled(Duration),
    /// They could not be looked at now: too many passwords are being hashed.
    #[error("too many people are logging in at this moment; try again in a few seconds")]
    Busy,
    /// Which ones count is not known: the state file could not be used.
    #[error(
        "nobody can log in here: the file state.json of this camera could not be used, so it does \
         not know which passwords count; its log and `porthole doctor` say what to do"
    )]
    StateLost,
    /// They could not be looked at, for want of memory or worse.
    #[error("the password could not be checked; the log says more")]
    Internal,
}

//! [`Passwords`]: those that were set over HTTP.

use serde::{Deserialize, Serialize};

/// The passwords that were set over HTTP. They go before those of the settings.
///
/// The derived order compares the epoch first, then the generation: it is the order of the
/// last-writer-wins register.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// How often they were reset on a camera itself, or the time of that in seconds since 1970 if
    /// that is more: the highest wins, so what others have set meanwhile does not undo a reset.
    #[serde(default)]
    pub epoch: u64,
    /// One more than that of the passwords which these replaced; 0 in what was written before there
    /// were generations. In one epoch the highest wins, whatever the clocks say.
    #[serde(default)]
    pub generation: u64,
    /// When they were set, in milliseconds since 1970: for people, and to choose between two of the
    /// same generation.
    pub changed_at: u64,
    /// The hash (PHC string) of the viewer's; none: nobody can log in as viewer.
    pub viewer: Option<String>,
    /// The hash (PHC string) of the admin's; none: the passwords of the settings count again.
    pub admin: Option<String>,
}

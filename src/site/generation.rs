//! [`Generation`]: which passwords a session, a token or a ticket was made under.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Passwords;

/// Names the passwords that are in force. It rises with each change of them, by one, so it needs no
/// clock: what was made under other passwords is known as such however wrong the clocks were.
///
/// The default is that of a site whose passwords were never set over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// How many changes there were.
    pub number: u64,
    /// Tells two changes apart that were made at the same time on cameras that did not hear each
    /// other: some bits of a hash of what was set. Only one of the two stays in force.
    pub tag: u32,
}

impl Generation {
    /// That of these passwords.
    pub(super) fn of(passwords: &Passwords) -> Self {
        // Numbers and texts always serialise.
        let json = serde_json::to_vec(passwords).unwrap_or_default();
        let hash = Sha256::digest(json);
        Self {
            number: passwords.generation,
            tag: u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]),
        }
    }
}

//! The handshake: a server shows that it is there now.
//!
//! What was recorded once is sealed as well as what is said now. So a server believes nothing of a
//! run of another one that has not answered its challenge, a number that was drawn after that run
//! began: no recording has the answer. It takes one exchange for each two runs, and nothing more
//! for each message.

use serde::{Deserialize, Serialize};

/// A number that nobody has seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(pub u64);

/// To one server: a challenge, the answer to one, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handshake {
    /// The other one is asked to send this back.
    pub challenge: Option<Nonce>,
    /// What the other one has asked for.
    pub proof: Option<Nonce>,
}

impl Handshake {
    /// The answer to this one, if it asks for one.
    #[must_use]
    pub fn answer(self) -> Option<Self> {
        self.challenge.map(|nonce| Self {
            challenge: None,
            proof: Some(nonce),
        })
    }
}

//! A password as this camera has it: by its hash, or in the settings in plain text.

use std::sync::OnceLock;

use super::password;
use crate::settings::Secret;

/// The password of one user.
pub enum StoredPassword {
    /// Its hash (PHC string): set over HTTP, or made at the first start.
    Hash(String),
    /// In plain text, of the settings. It is hashed when it is first asked for, so that a start
    /// does not wait.
    Plain {
        /// The password itself, as the settings give it.
        password: Secret,
        /// Its hash, once it was asked for.
        hash: OnceLock<String>,
    },
}

impl StoredPassword {
    /// The password of the settings.
    pub fn plain(password: Secret) -> Self {
        Self::Plain {
            password,
            hash: OnceLock::new(),
        }
    }

    /// Whether `given` is it. As costly as one hash, or as two the first time.
    ///
    /// # Errors
    /// No memory or no randomness to hash the plain text with.
    pub fn verify(&self, given: &str) -> Result<bool, argon2::password_hash::Error> {
        password::verify(given, self.hash()?)
    }

    /// Its hash, as a PHC string.
    ///
    /// # Errors
    /// No memory or no randomness to hash the plain text with.
    pub fn hash(&self) -> Result<&str, argon2::password_hash::Error> {
        match self {
            Self::Hash(hash) => Ok(hash),
            Self::Plain { password, hash } => match hash.get() {
                Some(hash) => Ok(hash),
                None => {
                    let made = password::hash(password.expose())?;
                    Ok(hash.get_or_init(|| made))
                }
            },
        }
    }
}

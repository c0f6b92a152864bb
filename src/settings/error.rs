//! What is wrong with the settings, in words that say where to look and what to write instead.

use std::fmt;
use std::path::PathBuf;

/// Everything wrong with the settings, at once: nobody wants to fix them one start at a time.
#[derive(Debug, thiserror::Error)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

/// One thing wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be used as a whole.
    #[error("settings file {}: {why}", path.display())]
    File {
        /// As given on the command line.
        path: PathBuf,
        /// The system's or the TOML reader's words.
        why: String,
    },
    /// A key that no setting has. Its value is not shown: it may be a password under a misspelt
    /// name.
    #[error("{key} (from {from}): {hint}")]
    UnknownKey {
        /// The key as `section.key`.
        key: String,
        /// The file or the variable.
        from: String,
        /// The nearest key, or those that exist.
        hint: String,
    },
    /// A value that its setting does not allow.
    #[error("{key} = {value} (from {from}): must be {allowed}")]
    BadValue {
        /// The key as `section.key`.
        key: String,
        /// The value as TOML would show it; hidden when secret.
        value: String,
        /// The file, the variable or the built-in defaults.
        from: String,
        /// What is allowed.
        allowed: String,
    },
}

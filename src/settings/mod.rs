//! Settings in layers, with errors a person can act on.
//!
//! `config/default.toml` is built in and holds every key; a file and then the environment override
//! it (`layers`). Values are read as types (`reader`, `check`) into one [`Settings`]
//! (`types`), and everything that is wrong is told at once (`error`).

mod check;
mod error;
mod layers;
mod reader;
mod types;
mod values;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use error::{SettingsError, SettingsErrors};
pub use layers::DEFAULT_TOML;
pub use types::{Auth, Debug, Drive, Election, Http, Lan, Node, Router, Settings, Site, Tls};
pub use values::{PortMode, Secret, Transport};

impl Settings {
    /// The built-in defaults, overridden by `file`, overridden by the variables of `env` that start
    /// with `PORTHOLE__` (see [`environment`]).
    ///
    /// # Errors
    /// Every key that does not exist and every value that is not allowed, with where it came from.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SettingsErrors> {
        let mut errors = Vec::new();
        let values = layers::merge(file, env, &mut errors);
        let mut reader = reader::Reader::new(values, errors);
        let settings = check::settings(&mut reader);
        match settings {
            Ok(settings) if reader.errors.is_empty() => Ok(settings),
            _ => Err(SettingsErrors(reader.errors)),
        }
    }
}

/// The process's environment for [`Settings::load`]. What is not Unicode is kept readable instead
/// of panicking as `std::env::vars` does, so that a bad value is refused by name.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

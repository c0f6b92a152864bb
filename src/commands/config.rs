//! The option that the sub-commands about one camera have in common.

use std::path::PathBuf;

use crate::settings::{Settings, SettingsErrors, environment};

/// Where the settings come from.
#[derive(clap::Args)]
pub struct Config {
    /// A TOML file with the settings that differ from the defaults; the environment
    /// (`PORTHOLE__SECTION__KEY`) goes before it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Config {
    /// The settings in all their layers.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    pub fn load(&self) -> Result<Settings, SettingsErrors> {
        Settings::load(self.config.as_deref(), environment())
    }
}

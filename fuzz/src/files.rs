//! What is read from the disk: settings, which people write, and the state file, which a power cut,
//! a bad card or a hand may have changed.

use porthole::durable::{StateFile, StoredState};
use porthole::settings::{Secret, Settings, SettingsError};

use crate::scratch;

/// What the program reads of a state file at the most, in bytes.
const LARGEST_STATE: usize = 64 * 1024;

/// A settings file; or, where it begins so, lines `PORTHOLE__…=value` of the environment. A refusal
/// names each key that is wrong; what is accepted never shows a secret.
pub fn settings(bytes: &[u8]) -> bool {
    let loaded = if bytes.starts_with(b"PORTHOLE__") {
        let text = String::from_utf8_lossy(bytes);
        let variables = text.lines().filter_map(|line| line.split_once('='));
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Settings::load(None, variables)
    } else {
        let path = scratch::write("settings.toml", bytes);
        Settings::load(Some(&path), std::iter::empty())
    };
    match loaded {
        Ok(settings) => {
            accepted(&settings, &String::from_utf8_lossy(bytes));
            true
        }
        Err(errors) => {
            assert!(!errors.0.is_empty(), "refused without a reason");
            for error in &errors.0 {
                refused(error);
            }
            false
        }
    }
}

fn accepted(settings: &Settings, text: &str) {
    let shown = format!("{settings:?}");
    let (site, auth) = (&settings.site, &settings.auth);
    let secrets = [
        &site.key,
        &site.previous_key,
        &auth.admin_password,
        &auth.viewer_password,
    ];
    for secret in secrets.into_iter().flatten().map(Secret::expose) {
        // A short one may be a word of the settings' own, and any may be written twice.
        let only_once = text.matches(secret).count() == 1;
        assert!(secret.len() <= 1024);
        assert!(secret.len() < 12 || !only_once || !shown.contains(secret));
    }
    assert!(settings.node.name.chars().count() <= 64);
}

fn refused(error: &SettingsError) {
    let said = error.to_string();
    match error {
        SettingsError::File { why, .. } => assert!(!why.is_empty()),
        SettingsError::UnknownKey { key, hint, .. } => {
            assert!(said.contains(key.as_str()) && !hint.is_empty(), "{said}");
        }
        SettingsError::BadValue { key, allowed, .. } => {
            assert!(said.contains(key.as_str()) && !allowed.is_empty(), "{said}");
            let secret = key.ends_with("key") || key.ends_with("password");
            assert!(!secret || said.contains("(hidden)") || said.contains("(missing)"));
        }
    }
}

/// A state file. What could be read is written again and read as the same.
pub fn state(bytes: &[u8]) -> bool {
    let Some(state) = read(bytes) else {
        return false;
    };
    let written = serde_json::to_vec_pretty(&state).expect("a state can be written");
    assert!(written.len() <= LARGEST_STATE, "{} bytes", written.len());
    assert_eq!(read(&written), Some(state));
    true
}

fn read(bytes: &[u8]) -> Option<StoredState> {
    let path = scratch::write("state.json", bytes);
    StateFile::new(scratch::folder_of(&path)).read()
}

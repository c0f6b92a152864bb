//! [`LocalSecrets`]: what a camera makes for itself and keeps in its state file: the first admin
//! password, and the secret that signs sessions where there is no site key.
//!
//! Without a password of the settings, and without one that was set over HTTP, the admin has one
//! that is made here and told once. Cameras with the same site key derive the same one from it, so
//! that one line of one log is enough for all of them; a camera without a site key draws its local.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::password;
use crate::settings::{Secret, Settings};
use crate::site::{AuthState, derived};

/// Letters and digits that are not mistaken for each other (Crockford's base 32): 5 bits each.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A password is five groups of four characters: 100 bits.
const GROUPS: usize = 5;
const GROUP: usize = 4;

/// What the keys are derived for ([`derived`]).
const PASSWORD_PURPOSE: &str = "porthole first admin password";
const KEY_ID_PURPOSE: &str = "porthole first admin password told";

/// What a camera keeps for itself about logins, in the state file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocalSecrets {
    /// Signs sessions where there is no site key.
    session_secret: Option<HiddenText>,
    /// The password that was made and told.
    first_password: Option<KeptPassword>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptPassword {
    /// Its hash (PHC string).
    hash: String,
    /// Tells site keys apart: some bits derived from the one that the password was derived from;
    /// none: it was drawn.
    key_id: Option<String>,
}

/// A secret that is stored, and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct HiddenText(String);

/// A password that was just made, to be told once.
pub struct FirstPassword {
    /// The password of the user `admin`.
    pub password: String,
    /// Whether all cameras of the site have the same one.
    pub of_site: bool,
}

/// Why a first start could not make what it needs.
#[derive(Debug, thiserror::Error)]
pub enum FirstPasswordError {
    /// The kernel has no randomness.
    #[error("the kernel has no randomness to give: {0}")]
    Randomness(#[from] getrandom::Error),
    /// There is no memory for a hash.
    #[error("the first password cannot be hashed: {0}")]
    Hash(#[from] argon2::password_hash::Error),
}

impl LocalSecrets {
    /// Makes what is missing. Returns the password to be told, where one was made that nobody has
    /// been told before.
    ///
    /// # Errors
    /// Without randomness or memory.
    pub fn prepare(
        &mut self,
        settings: &Settings,
        auth_state: &AuthState,
    ) -> Result<Option<FirstPassword>, FirstPasswordError> {
        self.prepare_sessions(settings)?;
        let key = settings.site.key.as_ref();
        if settings.auth.admin_password.is_some() || auth_state.set_passwords().is_some() {
            return Ok(None);
        }
        let key_id = key.map(|key| in_digits(&derived(key, KEY_ID_PURPOSE), 2 * GROUP));
        let told = self.first_password.as_ref();
        if told.is_some_and(|told| told.key_id == key_id) {
            return Ok(None);
        }
        let password = match key {
            Some(key) => password_of(&derived(key, PASSWORD_PURPOSE)),
            None => {
                let mut drawn = [0; 32];
                getrandom::fill(&mut drawn)?;
                password_of(&drawn)
            }
        };
        self.first_password = Some(KeptPassword {
            hash: password::hash(&password)?,
            key_id,
        });
        Ok(Some(FirstPassword {
            password,
            of_site: key.is_some(),
        }))
    }

    /// Makes the secret that signs sessions, where there is none and no site key.
    ///
    /// # Errors
    /// Without randomness.
    pub fn prepare_sessions(&mut self, settings: &Settings) -> Result<(), FirstPasswordError> {
        if settings.site.key.is_none() && self.session_secret.is_none() {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret)?;
            self.session_secret = Some(HiddenText(in_digits(&secret, secret.len())));
        }
        Ok(())
    }

    /// The password that was made is told again, or another one is made, at the next start.
    pub fn forget_told(&mut self) {
        self.first_password = None;
    }

    /// What signs sessions where there is no site key.
    pub(super) fn session_secret(&self) -> Option<Secret> {
        self.session_secret
            .as_ref()
            .map(|secret| Secret::new(secret.0.clone()))
    }

    /// The hash (PHC string) of the password that was made.
    pub(super) fn first_password_hash(&self) -> Option<&str> {
        let made = self.first_password.as_ref();
        made.map(|made| made.hash.as_str())
    }
}

impl fmt::Debug for HiddenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HiddenText")
    }
}

/// A password in groups, as people copy it.
fn password_of(bytes: &[u8; 32]) -> String {
    let digits = in_digits(bytes, GROUPS * GROUP);
    let groups: Vec<_> = (0..GROUPS)
        .map(|group| &digits[group * GROUP..(group + 1) * GROUP])
        .collect();
    groups.join("-")
}

/// Five bits of each byte.
fn in_digits(bytes: &[u8; 32], count: usize) -> String {
    bytes
        .iter()
        .take(count)
        .map(|byte| char::from(DIGITS[usize::from(byte % 32)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Passwords;

    fn settings(site_key: &str, admin: &str) -> Settings {
        let set = |name: &str, value: &str| (format!("PORTHOLE__{name}"), value.to_owned());
        let values = [
            set("SITE__KEY", site_key),
            set("AUTH__ADMIN_PASSWORD", admin),
        ];
        Settings::load(None, values.into_iter()).unwrap()
    }

    fn told(local: &mut LocalSecrets, settings: &Settings) -> Option<String> {
        let made = local.prepare(settings, &AuthState::default()).unwrap()?;
        assert_eq!(made.of_site, settings.site.key.is_some());
        let hash = local.first_password_hash().unwrap();
        assert!(password::verify(&made.password, hash).unwrap());
        Some(made.password)
    }

    #[test]
    fn cameras_of_one_site_make_the_same_password_and_each_tells_it_once() {
        let site = settings("the key of this site", "");
        let (mut one, mut other) = (LocalSecrets::default(), LocalSecrets::default());
        let password = told(&mut one, &site).unwrap();
        assert_eq!(told(&mut other, &site), Some(password.clone()));
        assert_eq!(told(&mut one, &site), None);
        // Twenty characters of five bits in five groups.
        assert_eq!(
            password.split('-').map(str::len).collect::<Vec<_>>(),
            [4; 5]
        );

        let another = told(&mut one, &settings("the key of another site", "")).unwrap();
        assert_ne!(another, password, "a new key is told of");
    }

    #[test]
    fn a_camera_without_a_site_key_draws_its_own_password_and_keeps_it() {
        let alone = settings("", "");
        let (mut one, mut other) = (LocalSecrets::default(), LocalSecrets::default());
        let password = told(&mut one, &alone).unwrap();
        assert_ne!(told(&mut other, &alone), Some(password));
        let kept: LocalSecrets =
            serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(kept, one);
        assert_eq!(told(&mut one, &alone), None);
        assert_eq!(kept, one, "nothing is drawn twice");
        assert!(!format!("{one:?}").contains(&one.session_secret.as_ref().unwrap().0));
    }

    #[test]
    fn where_somebody_has_set_a_password_none_is_made() {
        let mut local = LocalSecrets::default();
        assert_eq!(told(&mut local, &settings("", "set by hand")), None);
        let auth_state = AuthState {
            passwords: Some(Passwords {
                epoch: 0,
                generation: 1,
                changed_at: 1,
                viewer: None,
                admin: Some("hash".to_owned()),
            }),
            ..AuthState::default()
        };
        assert!(
            local
                .prepare(&settings("", ""), &auth_state)
                .unwrap()
                .is_none()
        );
        assert_eq!(local.first_password_hash(), None);
    }
}

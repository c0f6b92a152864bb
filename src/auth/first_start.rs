//! What a camera makes for itself where nobody has set a password yet.
//!
//! Without a password of the settings, and without one that was set over HTTP, the admin has one
//! that is made here and told once. Cameras with the same site key derive the same one from it, so
//! that one line of one log is enough for all of them; a camera without a site key draws its own.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::password;
use crate::settings::{Secret, Settings};
use crate::site::{AuthState, derived};

/// Letters and digits that are not mistaken for each other (Crockford's base 32): 5 bits each.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Groups of four: 100 bits.
const GROUPS: usize = 5;
const GROUP: usize = 4;

const PASSWORD: &str = "porthole first admin password";
const MARK: &str = "porthole first admin password told";

/// What a camera remembers for itself about logins, in the state file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// Signs sessions where there is no site key.
    secret: Option<Hidden>,
    /// The password that was made and told.
    first: Option<First>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct First {
    /// Its hash (PHC string).
    hash: String,
    /// Which site key it was derived from, by some bits derived from that key; none: it was drawn.
    key: Option<String>,
}

/// Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Hidden(String);

/// A password that was just made, to be told once.
pub struct FirstStart {
    /// The password of the user `admin`.
    pub password: String,
    /// Whether all cameras of the site have the same one.
    pub of_site: bool,
}

/// A first start could not make what it needs.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// No randomness.
    #[error("the kernel has no randomness to give: {0}")]
    Randomness(#[from] getrandom::Error),
    /// No memory for a hash.
    #[error("the first password cannot be hashed: {0}")]
    Hash(#[from] argon2::password_hash::Error),
}

impl Own {
    /// Makes what is missing. The answer is a password to be told: one that nobody has been told
    /// before.
    ///
    /// # Errors
    /// Without randomness or memory.
    pub fn prepare(
        &mut self,
        settings: &Settings,
        auth_state: &AuthState,
    ) -> Result<Option<FirstStart>, Unmade> {
        let key = settings.site.key.as_ref();
        if key.is_none() && self.secret.is_none() {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret)?;
            self.secret = Some(Hidden(in_digits(&secret, secret.len())));
        }
        if settings.auth.admin_password.is_some() || auth_state.passwords.is_some() {
            return Ok(None);
        }
        let mark = key.map(|key| in_digits(&derived(key, MARK), 2 * GROUP));
        if self.first.as_ref().is_some_and(|first| first.key == mark) {
            return Ok(None);
        }
        let password = match key {
            Some(key) => from_bytes(&derived(key, PASSWORD)),
            None => {
                let mut drawn = [0; 32];
                getrandom::fill(&mut drawn)?;
                from_bytes(&drawn)
            }
        };
        self.first = Some(First {
            hash: password::hash(&password)?,
            key: mark,
        });
        Ok(Some(FirstStart {
            password,
            of_site: key.is_some(),
        }))
    }

    /// What signs sessions where there is no site key.
    pub(super) fn secret(&self) -> Option<Secret> {
        self.secret
            .as_ref()
            .map(|secret| Secret::new(secret.0.clone()))
    }

    /// The hash of the password that was made.
    pub(super) fn first_hash(&self) -> Option<&str> {
        self.first.as_ref().map(|first| first.hash.as_str())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

/// A password in groups, as people copy it.
fn from_bytes(bytes: &[u8; 32]) -> String {
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

    fn told(own: &mut Own, settings: &Settings) -> Option<String> {
        let made = own.prepare(settings, &AuthState::default()).unwrap()?;
        assert_eq!(made.of_site, settings.site.key.is_some());
        let hash = own.first_hash().unwrap();
        assert!(password::is_right(&made.password, hash));
        Some(made.password)
    }

    #[test]
    fn cameras_of_one_site_make_the_same_password_and_each_tells_it_once() {
        let site = settings("of this house", "");
        let (mut one, mut other) = (Own::default(), Own::default());
        let password = told(&mut one, &site).unwrap();
        assert_eq!(told(&mut other, &site), Some(password.clone()));
        assert_eq!(told(&mut one, &site), None);
        // Twenty characters of five bits in five groups.
        assert_eq!(
            password.split('-').map(str::len).collect::<Vec<_>>(),
            [4; 5]
        );

        let another = told(&mut one, &settings("of another house", "")).unwrap();
        assert_ne!(another, password, "a new key is told of");
    }

    #[test]
    fn a_camera_without_a_site_key_draws_its_own_password_and_keeps_it() {
        let alone = settings("", "");
        let (mut one, mut other) = (Own::default(), Own::default());
        let password = told(&mut one, &alone).unwrap();
        assert_ne!(told(&mut other, &alone), Some(password));
        let kept: Own = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(kept, one);
        assert_eq!(told(&mut one, &alone), None);
        assert_eq!(kept, one, "nothing is drawn twice");
        assert!(!format!("{one:?}").contains(&one.secret.as_ref().unwrap().0));
    }

    #[test]
    fn where_somebody_has_set_a_password_none_is_made() {
        let mut own = Own::default();
        assert_eq!(told(&mut own, &settings("", "set by hand")), None);
        let auth_state = AuthState {
            passwords: Some(Passwords {
                changed_at: 1,
                viewer: None,
                admin: "hash".to_owned(),
            }),
            ..AuthState::default()
        };
        assert!(
            own.prepare(&settings("", ""), &auth_state)
                .unwrap()
                .is_none()
        );
        assert_eq!(own.first_hash(), None);
    }
}

//! Sessions, tokens and tickets as signed texts: `v1.<claims>.<signature>`, both parts base64url
//! without padding (RFC 4648 §5).
//!
//! The claims are JSON, the signature is HMAC-SHA256 over everything before the second dot. The key
//! is derived from the site's, for this purpose only; a camera without one draws a secret and keeps
//! it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use super::{Claims, ClaimsError};
use crate::settings::{Secret, Site};
use crate::site::{HmacSha256, derived, keyed};

/// Nothing longer is looked at, in bytes; the longest that is made is about half of it.
const MAX_LENGTH: usize = 1024;

/// The version that this program speaks.
const VERSION: &str = "v1.";

const KEY_PURPOSE: &str = "porthole session key";

/// Signs with the one key and accepts both, so that a site's key can be changed while people are
/// logged in.
pub struct Signer {
    current: HmacSha256,
    previous: Option<HmacSha256>,
}

impl Signer {
    /// With the site's keys; none where it has none.
    pub fn of_site(site: &Site) -> Option<Self> {
        let key = |secret: &Secret| keyed(&derived(secret, KEY_PURPOSE));
        Some(Self {
            current: key(site.key.as_ref()?),
            previous: site.previous_key.as_ref().map(key),
        })
    }

    /// With a secret that only this camera has.
    pub fn of_secret(secret: &[u8]) -> Self {
        Self {
            current: keyed(secret),
            previous: None,
        }
    }

    /// The signed text of these claims.
    pub fn sign(&self, claims: &Claims) -> String {
        // Numbers, texts and addresses always serialise.
        let json = serde_json::to_vec(claims).unwrap_or_default();
        let mut text = format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(json));
        let mut mac = self.current.clone();
        mac.update(text.as_bytes());
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        text
    }

    /// What tells the keys apart, that of now first: it says nothing about them.
    pub fn key_ids(&self) -> Vec<String> {
        let keys = [Some(&self.current), self.previous.as_ref()];
        let id = |key: &HmacSha256| {
            let mut mac = key.clone();
            // No signed text begins so.
            mac.update(b"porthole cookie name");
            let bytes = mac.finalize().into_bytes();
            let id = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            format!("{id:08x}")
        };
        keys.into_iter().flatten().map(id).collect()
    }

    /// What the text says, once its signature is known to be right. The comparison takes the same
    /// time wherever the signatures differ. Whether it still counts is another question
    /// ([`Claims::check`]).
    ///
    /// # Errors
    /// What is no such text, or was signed with another key.
    pub fn verify(&self, text: &str) -> Result<Claims, ClaimsError> {
        let unreadable = ClaimsError::Malformed;
        let text = Some(text).filter(|text| text.len() <= MAX_LENGTH);
        let (signed, signature) = text
            .and_then(|text| text.rsplit_once('.'))
            .ok_or(unreadable)?;
        let claims = signed.strip_prefix(VERSION).ok_or(unreadable)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| unreadable);
        let signature = decode(signature)?;
        let right = [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .any(|key| {
                let mut mac = key.clone();
                mac.update(signed.as_bytes());
                mac.verify_slice(&signature).is_ok()
            });
        if !right {
            return Err(ClaimsError::BadSignature);
        }
        serde_json::from_slice(&decode(claims)?).map_err(|_| unreadable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::Access;
    use crate::site::{AuthState, SessionId};

    fn of(key: &str, previous: &str) -> Signer {
        let secret = |text: &str| (!text.is_empty()).then(|| Secret::new(text.to_owned()));
        let site = Site {
            key: secret(key),
            previous_key: secret(previous),
        };
        Signer::of_site(&site).unwrap()
    }

    fn claims() -> Claims {
        Claims::session(
            SessionId(7),
            Access::Admin,
            1_795_400_000,
            &AuthState::default(),
        )
    }

    #[test]
    fn what_one_camera_signs_the_others_of_its_site_read_also_while_the_key_is_changed() {
        let text = of("old", "").sign(&claims());
        for reader in [of("old", ""), of("old", "new"), of("new", "old")] {
            assert_eq!(reader.verify(&text), Ok(claims()));
        }
        for stranger in [of("new", ""), Signer::of_secret(b"old")] {
            assert_eq!(stranger.verify(&text), Err(ClaimsError::BadSignature));
        }
    }

    #[test]
    fn the_key_is_not_the_one_that_messages_on_the_lan_are_signed_with() {
        let secret = Secret::new("the key of this site".to_owned());
        let text = of("the key of this site", "").sign(&claims());
        for other in ["porthole lan message key", "porthole lan site id", ""] {
            let reader = Signer::of_secret(&derived(&secret, other));
            assert_eq!(reader.verify(&text), Err(ClaimsError::BadSignature));
        }
    }

    #[test]
    fn cameras_of_one_site_name_their_key_alike_also_while_it_is_changed() {
        let (old, both, new) = (of("old", ""), of("new", "old"), of("new", ""));
        assert_eq!(both.key_ids(), [new.key_ids(), old.key_ids()].concat());
        assert_ne!(old.key_ids(), new.key_ids());
        assert_eq!(old.key_ids()[0].len(), 8);
    }

    proptest! {
        #[test]
        fn a_text_with_any_letter_changed_is_refused(
            at in any::<prop::sample::Index>(), other in "[A-Za-z0-9._-]",
        ) {
            let signer = of("the key of this site", "");
            let text = signer.sign(&claims());
            let at = at.index(text.len());
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            prop_assume!(changed != text);
            prop_assert!(signer.verify(&changed).is_err(), "{}", changed);
        }

        #[test]
        fn noise_is_refused(text in ".{0,80}") {
            prop_assert!(of("the key of this site", "").verify(&text).is_err());
        }
    }
}

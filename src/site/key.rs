//! Keys for one purpose each, derived from the site's secret.
//!
//! What is signed or made with one of them says nothing about the secret or about another of them,
//! as long as no two uses share a purpose.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::settings::Secret;

/// The only message authentication code of this program (RFC 2104).
pub type HmacSha256 = Hmac<Sha256>;

/// The key for `purpose`, 256 bits: HMAC-SHA256 of the purpose under the secret.
pub fn derived(secret: &Secret, purpose: &str) -> [u8; 32] {
    let mut mac = keyed(secret.expose().as_bytes());
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

/// The key for `purpose`, 256 bits, by HKDF-SHA256 (RFC 5869) without a salt: for what encrypts.
pub fn expanded(secret: &Secret, purpose: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, secret.expose().as_bytes())
        .expand(purpose.as_bytes(), &mut key)
        .expect("HKDF gives up to 255 hashes, and this is one");
    key
}

/// An HMAC that has taken the key in; each text is signed with a copy of it.
pub fn keyed(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("HMAC takes a key of any length")
}

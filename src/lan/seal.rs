//! The frame around a message: recognised, and its signature checked, before anything is parsed.
//!
//! ```text
//! byte  0..4   "PHLN"
//!       4      version: 1
//!       5      0: unsigned          1: signed
//!       6..    the JSON             6..14   which site key, by 8 bytes derived from it
//!                                   14..46  HMAC-SHA256 over bytes 0..14 and the JSON
//!                                   46..    the JSON
//! ```
//!
//! The signature binds the version, the site and the whole message with its sender, boot id and
//! counter.

use hmac::Mac as _;

use super::{KeyMismatch, MAX_DATAGRAM, Rejection};
use crate::settings::{Secret, Site};
use crate::site::{HmacSha256, derived, keyed};

/// The longest JSON that fits a signed datagram, in bytes.
pub const MAX_JSON: usize = MAX_DATAGRAM - SIGNED_HEADER;

/// The protocol version of this program. Datagrams of another one are counted and dropped.
const VERSION: u8 = 1;

const MAGIC: &[u8; 4] = b"PHLN";
const UNSIGNED: u8 = 0;
const SIGNED: u8 = 1;

const PLAIN_HEADER: usize = MAGIC.len() + 2;
const SITE: usize = 8;
const TAG: usize = 32;
const SIGNED_HEADER: usize = PLAIN_HEADER + SITE + TAG;

/// What is derived from one site key: signatures tell nothing about the secret's other uses.
struct Key {
    /// Initialised with the key; each signature begins with a copy of it.
    mac: HmacSha256,
    site: [u8; SITE],
}

impl Key {
    fn new(secret: &Secret) -> Self {
        let mut site = [0; SITE];
        site.copy_from_slice(&derived(secret, "porthole lan site id")[..SITE]);
        Self {
            mac: keyed(&derived(secret, "porthole lan message key")),
            site,
        }
    }

    /// The signature over everything but itself.
    fn sign(&self, header: &[u8], json: &[u8]) -> HmacSha256 {
        let mut mac = self.mac.clone();
        mac.update(header);
        mac.update(json);
        mac
    }
}

/// The site's keys: it signs with the current one and accepts both, so that a key can be changed
/// while the cameras run.
pub struct Keyring {
    current: Option<Key>,
    previous: Option<Key>,
}

impl Keyring {
    /// The keys of the settings.
    pub fn new(site: &Site) -> Self {
        let key = |secret: &Option<Secret>| secret.as_ref().map(Key::new);
        Self {
            current: key(&site.key),
            previous: key(&site.previous_key),
        }
    }

    /// Whether there is a key: what [`Keyring::open`] lets through then comes from a holder of it.
    pub fn has_key(&self) -> bool {
        self.current.is_some()
    }

    /// The JSON in its frame, signed where there is a key.
    pub fn seal(&self, json: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(SIGNED_HEADER + json.len());
        datagram.extend(MAGIC);
        datagram.push(VERSION);
        match &self.current {
            None => datagram.push(UNSIGNED),
            Some(key) => {
                datagram.push(SIGNED);
                datagram.extend(key.site);
                let tag = key.sign(&datagram, json).finalize().into_bytes();
                datagram.extend(tag);
            }
        }
        datagram.extend(json);
        datagram
    }

    /// The JSON in a datagram whose signature has been verified, in constant time.
    ///
    /// # Errors
    /// For what is no frame, of another version, or not signed as the settings want it.
    pub fn open<'d>(&self, datagram: &'d [u8]) -> Result<&'d [u8], Rejection> {
        let rest = datagram.strip_prefix(MAGIC).ok_or(Rejection::Malformed)?;
        let (&[version, kind], plain) = rest.split_first_chunk().ok_or(Rejection::Malformed)?;
        if version != VERSION {
            return Err(Rejection::Version);
        }
        match (kind, &self.current) {
            (UNSIGNED, None) => Ok(plain),
            (UNSIGNED, Some(_)) => Err(Rejection::Key(KeyMismatch::Missing)),
            (SIGNED, None) => Err(Rejection::Key(KeyMismatch::Unexpected)),
            (SIGNED, Some(_)) => self.verify(datagram),
            _ => Err(Rejection::Malformed),
        }
    }

    fn verify<'d>(&self, datagram: &'d [u8]) -> Result<&'d [u8], Rejection> {
        let (header, rest) = datagram
            .split_at_checked(PLAIN_HEADER + SITE)
            .ok_or(Rejection::Malformed)?;
        let (tag, json) = rest.split_at_checked(TAG).ok_or(Rejection::Malformed)?;
        let site = &header[PLAIN_HEADER..];
        // The site id is no secret: it only saves computing signatures for keys that are not known.
        [&self.current, &self.previous]
            .into_iter()
            .flatten()
            .filter(|key| key.site == site)
            .any(|key| key.sign(header, json).verify_slice(tag).is_ok())
            .then_some(json)
            .ok_or(Rejection::Key(KeyMismatch::Another))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    pub fn keys(key: &str, previous: &str) -> Keyring {
        let secret = |text: &str| (!text.is_empty()).then(|| Secret::new(text.to_owned()));
        Keyring::new(&Site {
            key: secret(key),
            previous_key: secret(previous),
        })
    }

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // Computed with Python's hmac module: the frame is a contract between versions of this
        // program.
        let datagram = keys("correct horse", "").seal(b"{}");
        let mut hex = String::new();
        for byte in &datagram {
            write!(hex, "{byte:02x}").unwrap();
        }
        assert_eq!(
            hex,
            concat!(
                "50484c4e0101",
                "c471b3b10a113b2a",
                "e678954c00bad0e9eb97165fe94761e68e79e0023754db3e3b6b533b67e62618",
                "7b7d"
            )
        );
    }

    #[test]
    fn while_a_key_is_changed_in_three_steps_all_accept_each_others_messages() {
        let steps = [
            keys("old", ""),
            keys("old", "new"),
            keys("new", "old"),
            keys("new", ""),
        ];
        for pair in steps.windows(2) {
            for (sender, receiver) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
                assert_eq!(receiver.open(&sender.seal(b"{}")), Ok(&b"{}"[..]));
            }
        }
        assert_eq!(
            steps[0].open(&steps[2].seal(b"{}")),
            Err(Rejection::Key(KeyMismatch::Another)),
            "a step left out is noticed"
        );
    }

    #[test]
    fn each_difference_of_keys_is_told_apart() {
        use KeyMismatch::{Another, Missing, Unexpected};
        let (none, one, other) = (keys("", ""), keys("one", ""), keys("other", ""));
        for (sender, receiver, mismatch) in [
            (&none, &one, Missing),
            (&one, &none, Unexpected),
            (&one, &other, Another),
        ] {
            let datagram = sender.seal(b"{}");
            assert_eq!(receiver.open(&datagram), Err(Rejection::Key(mismatch)));
        }
        assert_eq!(none.open(&none.seal(b"{}")), Ok(&b"{}"[..]));
    }

    #[test]
    fn another_version_is_told_apart_from_noise_whatever_follows_it() {
        for keyring in [keys("", ""), keys("one", "")] {
            assert_eq!(keyring.open(b"PHLN\x02"), Err(Rejection::Malformed));
            assert_eq!(keyring.open(b"PHLN\x02\x07abc"), Err(Rejection::Version));
            assert_eq!(keyring.open(b"PHLN\x01\x02abc"), Err(Rejection::Malformed));
            assert_eq!(keyring.open(b"hello"), Err(Rejection::Malformed));
            assert_eq!(keyring.open(b""), Err(Rejection::Malformed));
        }
    }

    #[test]
    fn a_signed_frame_of_another_site_cannot_be_relabelled() {
        let (one, other) = (keys("one", ""), keys("other", ""));
        let mut datagram = one.seal(b"{}");
        let theirs = other.seal(b"{}");
        datagram[PLAIN_HEADER..PLAIN_HEADER + SITE]
            .copy_from_slice(&theirs[PLAIN_HEADER..PLAIN_HEADER + SITE]);
        assert_eq!(
            other.open(&datagram),
            Err(Rejection::Key(KeyMismatch::Another))
        );
    }

    proptest! {
        #[test]
        fn a_signed_frame_with_any_bit_turned_is_refused(
            json in prop::collection::vec(any::<u8>(), 0..64),
            bit in any::<prop::sample::Index>(),
        ) {
            let keyring = keys("one", "two");
            let mut datagram = keyring.seal(&json);
            let bit = bit.index(datagram.len() * 8);
            datagram[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(keyring.open(&datagram).is_err());
        }

        #[test]
        fn a_signed_frame_cut_short_anywhere_is_refused(cut in any::<prop::sample::Index>()) {
            let keyring = keys("one", "");
            let datagram = keyring.seal(b"{\"a\":1}");
            prop_assert!(keyring.open(&datagram[..cut.index(datagram.len())]).is_err());
        }
    }
}

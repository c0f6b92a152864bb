//! The frame around a message: recognised and opened before anything is parsed.
//!
//! ```text
//! byte  0..4   "PHLN"
//!       4      version: 2
//!       5      0: plain             1: sealed
//!       6..    the JSON             6..14   which site key, by 8 bytes derived from it
//!                                   14..38  a random nonce
//!                                   38..    the JSON, encrypted, and 16 bytes that vouch for it
//!                                           and for bytes 0..14
//! ```
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): its nonce is long enough to be drawn, so that no
//! two servers that share the key have to agree about numbers. Version 1 signed its messages, and
//! anybody could read them.

use std::borrow::Cow;

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};

use super::{Incompatibility, KeyMismatch, MAX_DATAGRAM, Rejection};
use crate::settings::{Secret, Site};
use crate::site::expanded;

/// The longest JSON that fits a sealed datagram, in bytes.
pub const MAX_JSON: usize = MAX_DATAGRAM - BOUND - NONCE - TAG;

/// The protocol version of this program. Datagrams of another one are counted and dropped.
const VERSION: u8 = 2;

const MAGIC: &[u8; 4] = b"PHLN";
const PLAIN: u8 = 0;
const SEALED: u8 = 1;

const SITE: usize = 8;
const NONCE: usize = 24;
const TAG: usize = 16;

/// What stands before the nonce, readable for all, and is bound by the seal.
const BOUND: usize = MAGIC.len() + 2 + SITE;

/// What is derived from one site key: the seal tells nothing about the secret's other uses.
struct Key {
    cipher: XChaCha20Poly1305,
    site: [u8; SITE],
}

impl Key {
    fn new(secret: &Secret) -> Self {
        let mut site = [0; SITE];
        site.copy_from_slice(&expanded(secret, "porthole lan 2 site id")[..SITE]);
        Self {
            cipher: XChaCha20Poly1305::new(&expanded(secret, "porthole lan 2 seal").into()),
            site,
        }
    }

    fn seal(&self, bound: &[u8], nonce: &[u8; NONCE], json: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: json,
            aad: bound,
        };
        // Only 256 GiB are too long.
        let sealed = self.cipher.encrypt(&(*nonce).into(), payload);
        sealed.unwrap_or_default()
    }

    fn open(&self, bound: &[u8], nonce: [u8; NONCE], sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload {
            msg: sealed,
            aad: bound,
        };
        self.cipher.decrypt(&nonce.into(), payload).ok()
    }
}

/// The site's keys: it seals with the current one and opens with both, so that a key can be changed
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

    /// The JSON in its frame, sealed where there is a key.
    ///
    /// # Errors
    /// There is a key, and the kernel has no randomness to give for a nonce.
    pub fn seal(&self, json: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE];
        if self.current.is_some() {
            getrandom::fill(&mut nonce)?;
        }
        Ok(self.seal_with(&nonce, json))
    }

    fn seal_with(&self, nonce: &[u8; NONCE], json: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(BOUND + NONCE + TAG + json.len());
        datagram.extend(MAGIC);
        datagram.push(VERSION);
        match &self.current {
            None => {
                datagram.push(PLAIN);
                datagram.extend(json);
            }
            Some(key) => {
                datagram.push(SEALED);
                datagram.extend(key.site);
                let sealed = key.seal(&datagram, nonce, json);
                datagram.extend(nonce);
                datagram.extend(sealed);
            }
        }
        datagram
    }

    /// The JSON in a datagram, which a holder of the key has sealed where there is one.
    ///
    /// # Errors
    /// For what is no frame, of another version, or not sealed as the settings want it.
    pub fn open<'d>(&self, datagram: &'d [u8]) -> Result<Cow<'d, [u8]>, Rejection> {
        let rest = datagram.strip_prefix(MAGIC).ok_or(Rejection::Malformed)?;
        let (&[version, kind], plain) = rest.split_first_chunk().ok_or(Rejection::Malformed)?;
        if version != VERSION {
            return Err(Rejection::Incompatible(Incompatibility::Version));
        }
        match (kind, &self.current) {
            (PLAIN, None) => Ok(Cow::Borrowed(plain)),
            (PLAIN, Some(_)) => Err(KeyMismatch::Missing.into()),
            (SEALED, None) => Err(KeyMismatch::Unexpected.into()),
            (SEALED, Some(_)) => self.unseal(datagram).map(Cow::Owned),
            _ => Err(Rejection::Malformed),
        }
    }

    fn unseal(&self, datagram: &[u8]) -> Result<Vec<u8>, Rejection> {
        let (bound, rest) = datagram
            .split_at_checked(BOUND)
            .ok_or(Rejection::Malformed)?;
        let (nonce, sealed) = rest.split_first_chunk().ok_or(Rejection::Malformed)?;
        let site = &bound[BOUND - SITE..];
        // The site id is no secret: it only saves computing for keys that are not known.
        [&self.current, &self.previous]
            .into_iter()
            .flatten()
            .filter(|key| key.site == site)
            .find_map(|key| key.open(bound, *nonce, sealed))
            .ok_or(KeyMismatch::Another.into())
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

    fn sealed(keyring: &Keyring) -> Vec<u8> {
        keyring.seal(b"{}").unwrap()
    }

    #[test]
    fn the_seal_is_that_of_the_standards() {
        // Computed with Python (hmac for HKDF, pycryptodome for XChaCha20-Poly1305): the frame is a
        // contract between versions of this program.
        let datagram = keys("correct horse", "").seal_with(&[0x24; NONCE], b"{}");
        let mut hex = String::new();
        for byte in &datagram {
            write!(hex, "{byte:02x}").unwrap();
        }
        assert_eq!(
            hex,
            concat!(
                "50484c4e0201",
                "65e41181896347cf",
                "242424242424242424242424242424242424242424242424",
                "c910aa5a6b050626ff0cae5cb70f06ea84bc"
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
                assert_eq!(receiver.open(&sealed(sender)).as_deref(), Ok(&b"{}"[..]));
            }
        }
        assert_eq!(
            steps[0].open(&sealed(&steps[2])),
            Err(KeyMismatch::Another.into()),
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
            assert_eq!(receiver.open(&sealed(sender)), Err(mismatch.into()));
        }
        assert_eq!(none.open(&sealed(&none)).as_deref(), Ok(&b"{}"[..]));
    }

    #[test]
    fn another_version_is_told_apart_from_noise_whatever_follows_it() {
        let other = Rejection::Incompatible(Incompatibility::Version);
        for keyring in [keys("", ""), keys("one", "")] {
            assert_eq!(keyring.open(b"PHLN\x01"), Err(Rejection::Malformed));
            for version in [1, 3] {
                let datagram = [&b"PHLN"[..], &[version, 1], b"abc"].concat();
                assert_eq!(keyring.open(&datagram), Err(other));
            }
            assert_eq!(keyring.open(b"PHLN\x02\x02abc"), Err(Rejection::Malformed));
            assert_eq!(keyring.open(b"hello"), Err(Rejection::Malformed));
            assert_eq!(keyring.open(b""), Err(Rejection::Malformed));
        }
    }

    #[test]
    fn nothing_of_what_is_sealed_can_be_read_and_no_two_datagrams_are_alike() {
        let keyring = keys("one", "");
        let json = br#"{"admin":"$argon2id$v=19$m=19456","name":"Front door"}"#;
        let [one, two] = [(); 2].map(|()| keyring.seal(json).unwrap());
        for datagram in [&one, &two] {
            for word in [&b"argon2"[..], b"Front door", b"admin"] {
                assert!(!datagram.windows(word.len()).any(|part| part == word));
            }
            assert_eq!(keyring.open(datagram).as_deref(), Ok(&json[..]));
        }
        assert_ne!(one[BOUND..BOUND + NONCE], two[BOUND..BOUND + NONCE]);
        assert_ne!(one[BOUND + NONCE..], two[BOUND + NONCE..]);
    }

    #[test]
    fn a_sealed_frame_of_another_site_cannot_be_relabelled() {
        let (one, other) = (keys("one", ""), keys("other", ""));
        let mut datagram = sealed(&one);
        datagram[BOUND - SITE..BOUND].copy_from_slice(&sealed(&other)[BOUND - SITE..BOUND]);
        assert_eq!(other.open(&datagram), Err(KeyMismatch::Another.into()));
    }

    proptest! {
        #[test]
        fn a_sealed_frame_with_any_bit_turned_is_refused(
            json in prop::collection::vec(any::<u8>(), 0..64),
            bit in any::<prop::sample::Index>(),
        ) {
            let keyring = keys("one", "two");
            let mut datagram = keyring.seal(&json).unwrap();
            let bit = bit.index(datagram.len() * 8);
            datagram[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(keyring.open(&datagram).is_err());
        }

        #[test]
        fn a_sealed_frame_cut_short_anywhere_is_refused(cut in any::<prop::sample::Index>()) {
            let keyring = keys("one", "");
            let datagram = keyring.seal(b"{\"a\":1}").unwrap();
            prop_assert!(keyring.open(&datagram[..cut.index(datagram.len())]).is_err());
        }
    }
}

//! Passwords: what may be one, and their hashes (Argon2id, RFC 9106, as PHC strings).

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// How many characters a password that is set over HTTP has.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// 19 MiB, two passes, one lane: the least that OWASP's Password Storage Cheat Sheet calls enough.
/// A camera with 256 MiB bears two of these at once, and its small processor is done within half a
/// second.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash that costs more than this to try is refused: it was not made here, and would stop the
/// camera.
const MOST_MEMORY_KIB: u32 = 4 * MEMORY_KIB;
const MOST_PASSES: u32 = 4 * PASSES;

static ARGON2: LazyLock<Argon2<'static>> = LazyLock::new(|| {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
});

/// A password that nobody may have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotAllowed {
    /// Guessed too soon.
    #[error("it must have at least {} characters", LENGTH.start())]
    TooShort,
    /// Nobody types that.
    #[error("it must have at most {} characters", LENGTH.end())]
    TooLong,
}

/// Whether people may choose this password.
///
/// # Errors
/// When it is too short or too long.
pub fn allowed(password: &str) -> Result<(), NotAllowed> {
    let length = password.chars().count();
    if length < *LENGTH.start() {
        Err(NotAllowed::TooShort)
    } else if length > *LENGTH.end() {
        Err(NotAllowed::TooLong)
    } else {
        Ok(())
    }
}

/// The hash of a password with a salt of its own, as a PHC string. Takes tens of milliseconds and
/// 19 MiB: not on an arbiter.
///
/// # Errors
/// When the memory or the randomness cannot be had.
pub fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(ARGON2.hash_password(password.as_bytes())?.to_string())
}

/// Whether the hash is of this password; false also where it is no hash that this program makes. As
/// costly as [`hash`]; the comparison takes the same time wherever they differ.
pub fn is_right(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    let bearable = Params::try_from(&hash)
        .is_ok_and(|params| params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_PASSES);
    bearable && ARGON2.verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_argon2id_and_right_for_its_password_only() {
        let made = hash("correct horse").unwrap();
        assert!(
            made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{made}"
        );
        assert!(is_right("correct horse", &made));
        for wrong in ["correct horsf", "", "correct horse "] {
            assert!(!is_right(wrong, &made), "{wrong:?}");
        }
        assert_ne!(hash("correct horse").unwrap(), made, "salted");
    }

    #[test]
    fn a_hash_that_would_stop_the_camera_is_not_tried() {
        let made = hash("correct horse").unwrap();
        for costly in ["m=4194304,t=2", "m=19456,t=4000000"] {
            let costly = made.replace("m=19456,t=2", costly);
            assert!(!is_right("correct horse", &costly));
        }
        assert!(!is_right("", ""));
        assert!(!is_right("plain", "plain"));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(allowed("1234567"), Err(NotAllowed::TooShort));
        assert_eq!(allowed("äöüßäöüß"), Ok(()));
        assert_eq!(allowed(&"ß".repeat(128)), Ok(()));
        assert_eq!(allowed(&"x".repeat(129)), Err(NotAllowed::TooLong));
    }
}

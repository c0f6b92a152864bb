//! Passwords: what may be one, and their hashes (Argon2id, RFC 9106, as PHC strings).

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// How many characters a password that is set over HTTP may have.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// 19 MiB, two passes, one lane: the least that OWASP's Password Storage Cheat Sheet calls enough.
/// A camera with 256 MiB bears two of these at once, and its small processor is done within half a
/// second.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash that costs more than this to try is refused: it was not made here, and would stop the
/// camera.
const MAX_MEMORY_KIB: u32 = 4 * MEMORY_KIB;
const MAX_PASSES: u32 = 4 * PASSES;

static ARGON2: LazyLock<Argon2<'static>> = LazyLock::new(|| {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
});

/// Why people may not choose a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NewPasswordError {
    /// It would be guessed too soon.
    #[error(
        "it must have at least {} characters; four words that do not belong together make a good \
         one",
        LENGTH.start()
    )]
    TooShort,
    /// It takes long to hash, and nobody types that.
    #[error("it must have at most {} characters", LENGTH.end())]
    TooLong,
}

/// Whether people may choose this password.
///
/// # Errors
/// When it is too short or too long.
pub fn check_new_password(password: &str) -> Result<(), NewPasswordError> {
    let length = password.chars().count();
    if length < *LENGTH.start() {
        Err(NewPasswordError::TooShort)
    } else if length > *LENGTH.end() {
        Err(NewPasswordError::TooLong)
    } else {
        Ok(())
    }
}

/// The hash of a password with a salt of its own, as a PHC string. Takes tens of milliseconds and
/// 19 MiB: not on an arbiter.
///
/// # Errors
/// The memory or the randomness cannot be had.
pub fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(ARGON2.hash_password(password.as_bytes())?.to_string())
}

/// Whether the hash is of this password; false also where it is no hash that this program makes. As
/// costly as [`hash`]; the comparison takes the same time wherever they differ.
pub fn verify(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    let affordable = Params::try_from(&hash)
        .is_ok_and(|params| params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES);
    affordable && ARGON2.verify_password(password.as_bytes(), &hash).is_ok()
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
        assert!(verify("correct horse", &made));
        for wrong in ["correct horsf", "", "correct horse "] {
            assert!(!verify(wrong, &made), "{wrong:?}");
        }
        assert_ne!(hash("correct horse").unwrap(), made, "salted");
    }

    #[test]
    fn a_hash_that_would_stop_the_camera_is_not_tried() {
        let made = hash("correct horse").unwrap();
        for costly in ["m=4194304,t=2", "m=19456,t=4000000"] {
            let costly = made.replace("m=19456,t=2", costly);
            assert!(!verify("correct horse", &costly));
        }
        assert!(!verify("", ""));
        assert!(!verify("plain", "plain"));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(
            check_new_password("1234567"),
            Err(NewPasswordError::TooShort)
        );
        assert_eq!(check_new_password("äöüßäöüß"), Ok(()));
        assert_eq!(check_new_password(&"ß".repeat(128)), Ok(()));
        assert_eq!(
            check_new_password(&"x".repeat(129)),
            Err(NewPasswordError::TooLong)
        );
    }
}

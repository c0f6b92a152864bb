//! Passwords: what may be one, and their hashes (Argon2id, RFC 9106, as PHC strings).
//!
//! **One buffer for all hashes.** An allocator keeps what was given back to it, in pieces that
//! belong to the thread that had them: with 19 MiB for each hash, twenty wrong passwords left a
//! camera with 430 MiB. So there is one buffer of blocks in the process, made by the first hash and
//! used by all that follow, one after the other, whoever asks.

use std::sync::{LazyLock, Mutex};

use argon2::password_hash::Error;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::lock::lock;

/// How many characters a password that is set over HTTP may have.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// 19 MiB, two passes, one lane: the least that OWASP's Password Storage Cheat Sheet calls enough.
/// A small processor is done with one within half a second.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash that takes more passes than this to try is refused, as is one that takes more memory than
/// there is: it was not made here, and would stop the camera.
const MAX_PASSES: u32 = 4 * PASSES;

/// Of the salt and of the hash (RFC 9106 §4).
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

static PARAMS: LazyLock<Params> = LazyLock::new(|| {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).expect("the parameters are in range")
});

/// What all hashes are made in; empty before the first.
static BLOCKS: Mutex<Vec<Block>> = Mutex::new(Vec::new());

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

/// The hash of a password with a salt of its own, as a PHC string. Takes tens of milliseconds, and
/// waits while another one is made: not on an arbiter.
///
/// # Errors
/// The memory or the randomness cannot be had.
pub fn hash(password: &str) -> Result<String, Error> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| Error::Internal)?;
    let salt = Salt::new(&salt)?;
    let made = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&*PARAMS)?,
        hash: Some(output(password, &salt, &PARAMS)?),
        salt: Some(salt),
    };
    Ok(made.to_string())
}

/// Whether the hash is of this password; false also where it is no hash that this program makes. As
/// costly as [`hash`]; the comparison takes the same time wherever they differ.
///
/// # Errors
/// The memory cannot be had.
pub fn verify(password: &str, hash: &str) -> Result<bool, Error> {
    let Ok(hash) = PasswordHash::new(hash) else {
        return Ok(false);
    };
    let of_this_program =
        hash.algorithm == Algorithm::Argon2id.ident() && hash.version == Some(0x13);
    let params = Params::try_from(&hash).ok().filter(|params| {
        let affordable = params.m_cost() <= MEMORY_KIB && params.t_cost() <= MAX_PASSES;
        affordable && of_this_program
    });
    let (Some(params), Some(salt), Some(expected)) = (params, hash.salt, hash.hash) else {
        return Ok(false);
    };
    // `Output` compares in constant time.
    Ok(output(password, &salt, &params)? == expected)
}

/// The bytes of a hash, made in [`BLOCKS`].
fn output(password: &str, salt: &[u8], params: &Params) -> Result<Output, Error> {
    let mut bytes = [0; Output::MAX_LENGTH];
    let length = params.output_len().unwrap_or(HASH_BYTES);
    let bytes = bytes.get_mut(..length).ok_or(Error::OutputSize)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut blocks = lock(&BLOCKS);
    if blocks.is_empty() {
        let all = PARAMS.block_count();
        blocks.try_reserve_exact(all).map_err(|_| Error::Internal)?;
        blocks.resize(all, Block::new());
    }
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, bytes, &mut **blocks)?;
    Ok(Output::new(bytes)?)
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
        assert!(verify("correct horse", &made).unwrap());
        for wrong in ["correct horsf", "", "correct horse "] {
            assert!(!verify(wrong, &made).unwrap(), "{wrong:?}");
        }
        assert_ne!(hash("correct horse").unwrap(), made, "salted");
    }

    #[test]
    fn a_hash_that_would_stop_the_camera_is_not_tried() {
        let made = hash("correct horse").unwrap();
        for costly in ["m=4194304,t=2", "m=19457,t=2", "m=19456,t=4000000"] {
            let costly = made.replace("m=19456,t=2", costly);
            assert!(!verify("correct horse", &costly).unwrap());
        }
        let other_kind = made.replace("argon2id", "argon2i");
        assert!(!verify("correct horse", &other_kind).unwrap());
        assert!(!verify("", "").unwrap());
        assert!(!verify("plain", "plain").unwrap());
    }

    #[test]
    fn it_is_the_hash_that_the_library_makes_with_memory_of_its_own() {
        use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
        let library = Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS.clone());
        let theirs = library.hash_password(b"correct horse").unwrap().to_string();
        let ours = hash("correct horse").unwrap();
        assert!(verify("correct horse", &theirs).unwrap());
        assert!(library.verify_password(b"correct horse", &ours[..]).is_ok());
        // The buffer still holds what came before: the next hash is right all the same.
        let smaller = Params::new(1024, 1, 1, Some(HASH_BYTES)).unwrap();
        let smaller = Argon2::new(Algorithm::Argon2id, Version::V0x13, smaller);
        let small = smaller.hash_password(b"small").unwrap().to_string();
        assert!(verify("small", &small).unwrap());
        assert!(verify("correct horse", &theirs).unwrap());
        assert_eq!(BLOCKS.lock().unwrap().len(), MEMORY_KIB as usize);
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

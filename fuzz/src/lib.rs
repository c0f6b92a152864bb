//! What strangers send, in every shape: one function for each place where bytes come in.
//!
//! A [`Target`] takes any bytes, gives them to the program's own code, and panics where a promise
//! is broken: nothing that comes out is larger than allowed, what was read can be written and read
//! again, a refusal says what it is about. Two engines call the same functions: the tests for
//! seconds, on kept inputs and changes of them ([`mutation`]); libFuzzer for as long as one likes,
//! guided by which code is reached (`scripts/fuzz`, feature `libfuzzer`). What was found is in
//! `docs/ref/fuzzing.md`.

mod files;
mod http;
mod lan;
pub mod mutation;
mod picture;
mod router;
mod scratch;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A place where bytes come in from somebody who is not trusted.
pub struct Target {
    /// Its name, and that of the folder of its kept inputs.
    pub name: &'static str,
    /// Gives it these bytes; panics where a promise is broken. Returns whether they were of use:
    /// read, admitted, accepted.
    pub run: fn(&[u8]) -> bool,
    /// The longest input that is tried, in bytes; a little more than the program takes.
    pub longest: usize,
}

/// Every target.
pub const TARGETS: [Target; 11] = [
    Target {
        name: "ssdp",
        run: router::ssdp,
        longest: 2_048,
    },
    Target {
        name: "description",
        run: router::description,
        longest: 8_192,
    },
    Target {
        name: "soap",
        run: router::soap,
        longest: 8_192,
    },
    Target {
        name: "lan-datagram",
        run: lan::datagram,
        longest: 1_300,
    },
    Target {
        name: "lan-message",
        run: lan::message,
        longest: 1_300,
    },
    Target {
        name: "picture-query",
        run: http::picture_query,
        longest: 512,
    },
    Target {
        name: "host",
        run: http::host,
        longest: 1_024,
    },
    Target {
        name: "cookie",
        run: http::cookie,
        longest: 2_048,
    },
    Target {
        name: "settings",
        run: files::settings,
        longest: 8_192,
    },
    Target {
        name: "state",
        run: files::state,
        longest: 8_192,
    },
    Target {
        name: "jpeg",
        run: picture::jpeg,
        longest: 8_192,
    },
];

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Its kept inputs by their file names, sorted: `good-…` are of use, `bad-…` are not,
    /// `found-…` once broke a promise.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn kept(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            kept.push((name, fs::read(entry.path())?));
        }
        kept.sort();
        Ok(kept)
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(self.name)
    }
}

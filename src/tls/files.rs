//! A certificate in files that somebody else looks after: read anew when they change, as they do
//! whenever it is renewed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{info, warn};

use super::certificate::{Certificate, Flaw};

/// A chain of certificates is a few kilobytes; a larger file is some other file.
pub(super) const LIMIT: u64 = 256 * 1024;

/// Time between two looks at the files. Renewals come weeks before the end.
const LOOK: Duration = Duration::from_mins(1);

/// A file of the settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting}, the file {}: {why}", file.display())]
pub struct FileError {
    setting: &'static str,
    file: PathBuf,
    why: Trouble,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("it is no file")]
    NoFile,
    #[error("larger than {} KiB, so something else", LIMIT / 1024)]
    TooLarge,
    #[error("{0}")]
    Flawed(Flaw),
}

/// The two files, and what was last read from them.
#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<Certificate>,
    look: Mutex<Look>,
}

/// The last look at the files.
#[derive(Debug)]
struct Look {
    at: Instant,
    stamps: [Option<Stamp>; 2],
}

/// What changes when a file is written anew or another one takes its place.
type Stamp = (u64, u64, i64, i64);

impl Files {
    /// # Errors
    /// Files that cannot be used.
    pub(super) fn open(
        certificate: PathBuf,
        key: PathBuf,
        now: SystemTime,
        at: Instant,
    ) -> Result<Self, FileError> {
        // Looked at before they are read: what changes in between is read once more.
        let stamps = [stamp(&certificate), stamp(&key)];
        Ok(Self {
            current: ArcSwap::from_pointee(read(&certificate, &key, now)?),
            look: Mutex::new(Look { at, stamps }),
            certificate,
            key,
        })
    }

    /// What was last read.
    pub(super) fn current(&self) -> Arc<Certificate> {
        self.current.load_full()
    }

    /// Reads the files anew if they have changed since the last look, which is at least [`LOOK`]
    /// ago. What cannot be used is passed over with a warning: half of a renewal may be
    /// written, and the old certificate is good still.
    pub(super) fn refresh(&self, now: SystemTime, at: Instant) {
        // Who finds another one looking goes on with what there is.
        let mut look = match self.look.try_lock() {
            Ok(look) => look,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(std::sync::TryLockError::WouldBlock) => return,
        };
        if at.saturating_duration_since(look.at) < LOOK {
            return;
        }
        look.at = at;
        let stamps = [stamp(&self.certificate), stamp(&self.key)];
        if stamps == look.stamps {
            return;
        }
        look.stamps = stamps;
        match read(&self.certificate, &self.key, now) {
            Ok(new) => {
                info!(fingerprint = %new.fingerprint, expires = %new.expires(), "the certificate was replaced");
                self.current.store(Arc::new(new));
            }
            Err(why) => warn!("keeping the certificate from before: {why}"),
        }
    }
}

impl ResolvesServerCert for Files {
    /// Asks the file system for two files' data once a minute, which takes microseconds.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.refresh(SystemTime::now(), Instant::now());
        Some(Arc::clone(&self.current.load().key))
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// What is in the files.
pub(super) fn read(
    certificate: &Path,
    key: &Path,
    now: SystemTime,
) -> Result<Certificate, FileError> {
    let of_certificate = |why| FileError {
        setting: "http.tls_certificate",
        file: certificate.to_owned(),
        why,
    };
    let of_key = |why| FileError {
        setting: "http.tls_key",
        file: key.to_owned(),
        why,
    };
    let chain = whole(certificate).map_err(of_certificate)?;
    let secret = whole(key).map_err(of_key)?;
    Certificate::from_pem(&chain, &secret, now).map_err(|flaw| {
        if flaw.is_of_key() {
            of_key(Trouble::Flawed(flaw))
        } else {
            of_certificate(Trouble::Flawed(flaw))
        }
    })
}

fn whole(file: &Path) -> Result<Vec<u8>, Trouble> {
    // Opening a pipe would wait for a writer.
    if !fs::metadata(file)?.is_file() {
        return Err(Trouble::NoFile);
    }
    let mut bytes = Vec::new();
    File::open(file)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Trouble::TooLarge);
    }
    Ok(bytes)
}

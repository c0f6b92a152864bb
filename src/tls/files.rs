//! A certificate in files that another program maintains: read anew when they change, as they do
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

/// Time between two checks of the files. Renewals come weeks before the end.
const CHECK_INTERVAL: Duration = Duration::from_mins(1);

/// A file of the settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting}, the file {}: {why}", file.display())]
pub struct FileError {
    setting: &'static str,
    file: PathBuf,
    why: FileProblem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
enum FileProblem {
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
    last_check: Mutex<LastCheck>,
}

/// When the files were last checked, and their state then.
#[derive(Debug)]
struct LastCheck {
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
        // Before they are read: what changes in between is read once more.
        let stamps = [stamp(&certificate), stamp(&key)];
        Ok(Self {
            current: ArcSwap::from_pointee(read(&certificate, &key, now)?),
            last_check: Mutex::new(LastCheck { at, stamps }),
            certificate,
            key,
        })
    }

    /// The certificate that was last read.
    pub(super) fn current(&self) -> Arc<Certificate> {
        self.current.load_full()
    }

    /// Reads the files anew if they have changed since the last check, if that is at least
    /// [`CHECK_INTERVAL`] ago. Files that cannot be used are ignored with a warning: half of a
    /// renewal may be written, and the old certificate is still valid.
    pub(super) fn refresh(&self, now: SystemTime, at: Instant) {
        // While another connection checks the files, the current certificate is used.
        let mut last_check = match self.last_check.try_lock() {
            Ok(look) => look,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(std::sync::TryLockError::WouldBlock) => return,
        };
        if at.saturating_duration_since(last_check.at) < CHECK_INTERVAL {
            return;
        }
        last_check.at = at;
        let stamps = [stamp(&self.certificate), stamp(&self.key)];
        if stamps == last_check.stamps {
            return;
        }
        last_check.stamps = stamps;
        match read(&self.certificate, &self.key, now) {
            Ok(new) => {
                info!(
                    fingerprint = %new.fingerprint,
                    expires = %new.expires(),
                    "the certificate was replaced"
                );
                self.current.store(Arc::new(new));
            }
            Err(why) => warn!("keeping the certificate from before: {why}"),
        }
    }
}

impl ResolvesServerCert for Files {
    /// Reads the metadata of two files once a minute, which takes microseconds.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.refresh(SystemTime::now(), Instant::now());
        Some(Arc::clone(&self.current.load().key))
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// Reads and checks the certificate and the key.
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
    let chain = read_file(certificate).map_err(of_certificate)?;
    let secret = read_file(key).map_err(of_key)?;
    Certificate::from_pem(&chain, &secret, now).map_err(|flaw| {
        if flaw.is_of_key() {
            of_key(FileProblem::Flawed(flaw))
        } else {
            of_certificate(FileProblem::Flawed(flaw))
        }
    })
}

fn read_file(file: &Path) -> Result<Vec<u8>, FileProblem> {
    // Opening a pipe would wait for a writer.
    if !fs::metadata(file)?.is_file() {
        return Err(FileProblem::NoFile);
    }
    let mut bytes = Vec::new();
    File::open(file)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(FileProblem::TooLarge);
    }
    Ok(bytes)
}

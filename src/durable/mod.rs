//! The state file: this server's identity, and hints for its next start.
//!
//! It survives `kill -9` and a power cut: written to a temporary file, synced, renamed over the old
//! one, and the folder synced. What it says about ports and terms is a hint, never authority: the
//! router's table is. A file that cannot be used is kept beside for whoever wants to look, and the
//! server starts afresh, but lets nobody in ([`LostState`]).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::auth::{LocalSecrets, LostState};
use crate::site::AuthState;
use porthole_camera::user_overrides::UserOverrides;
use porthole_durable::{Store, replace};
use porthole_election::RemoteAccess;
use porthole_types::Name;
use porthole_types::{ExternalPort, InstanceId, Term};

mod device;
#[cfg(test)]
mod tests;

/// The version that is written; a file of another one is not read. The first one called logins and
/// remote access otherwise: half understood, it would have switched remote access on again.
const VERSION: u32 = 2;
const FILE: &str = "state.json";
/// The largest file that is read, in bytes: hundreds of times what is ever written.
const LIMIT: u64 = 256 * 1024;

/// What a server remembers. Fields added later must be optional, or `VERSION` must rise; so it
/// must when one gets another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredState {
    version: u32,
    /// This server's identity: a random number, drawn once.
    pub instance: InstanceId,
    /// The highest term seen (invariant S4: it never falls, across restarts too).
    pub term: Term,
    /// "server N", by the first port that the router gave (¶53).
    pub name: Option<String>,
    /// The name that people chose over HTTP; none: the one in the settings, or "server N".
    #[serde(default)]
    pub chosen_name: Option<Name>,
    /// The external port that was last mapped to this server, asked for first at the next start.
    pub mapped_port: Option<ExternalPort>,
    /// The ledger: every port of the router that may be mapped to this server. None in a file that
    /// was written before there was one: then the port above is all that is known.
    #[serde(default)]
    pub mappings: Option<BTreeSet<ExternalPort>>,
    /// Whether people want it to be reached from outside (¶84).
    #[serde(default)]
    pub remote_access: RemoteAccess,
    /// What the site knows about logins.
    #[serde(default)]
    pub auth_state: AuthState,
    /// What it keeps to itself about logins.
    #[serde(default)]
    pub login: LocalSecrets,
    /// The file before this one could not be used, and nobody has said since that the passwords of
    /// the settings count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostState>,
    /// What people chose for the camera over HTTP.
    #[serde(default)]
    pub camera: UserOverrides,
    /// The device that wrote it; only in the file.
    #[serde(default)]
    device: BTreeSet<String>,
}

impl StoredState {
    /// The state of a server that has never run before.
    #[must_use]
    pub fn new(instance: InstanceId) -> Self {
        Self {
            version: VERSION,
            instance,
            term: Term(0),
            name: None,
            chosen_name: None,
            mapped_port: None,
            mappings: None,
            remote_access: RemoteAccess::default(),
            auth_state: AuthState::default(),
            login: LocalSecrets::default(),
            lost: None,
            camera: UserOverrides::default(),
            device: BTreeSet::new(),
        }
    }
}

impl StoredState {
    /// The passwords of the settings count from the next start on, on all cameras that hear of it;
    /// all sessions and tokens have ended. `now` in milliseconds since 1970.
    pub fn reset_passwords(&mut self, now: u64) {
        self.lost = None;
        self.login.forget_told();
        // Not merged: this file is to have it, whatever numbers somebody with the key has sent.
        self.auth_state.passwords = self.auth_state.reset(now).passwords;
    }

    /// What is wrong, where nobody is let in for want of the state file.
    pub fn locked(&self) -> Option<&LostState> {
        let lost = self.lost.as_ref();
        lost.filter(|lost| LostState::locks(Some(lost), &self.auth_state))
    }
}

impl Store<StoredState> for StateFile {
    type Error = SaveError;

    fn save(&self, state: &StoredState) -> Result<(), SaveError> {
        Self::save(self, state)
    }
}

/// What [`StateFile::load`] has found.
#[derive(Debug, PartialEq, Eq)]
pub enum LoadOutcome {
    /// A good file.
    Existing,
    /// No file: the first start with this folder.
    Missing,
    /// A file that could not be used.
    Unusable {
        /// What was wrong with it.
        why: String,
        /// Where it was moved to; none when it could not be moved.
        moved_to: Option<PathBuf>,
    },
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("not a regular file")]
    NotRegular,
    #[error("larger than {} KiB", LIMIT / 1024)]
    TooLarge,
    #[error("of version {0}, and this program knows version {VERSION}")]
    Version(u32),
    /// With the addresses of that device's network cards.
    #[error("written by another device, {0}")]
    OtherDevice(String),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The state could not be written, so a restart would start from the old one.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct SaveError {
    path: PathBuf,
    source: io::Error,
}

/// The state file of one data directory.
#[derive(Clone, Debug)]
pub struct StateFile {
    folder: PathBuf,
    /// The addresses of this device's network cards.
    device: BTreeSet<String>,
}

impl StateFile {
    /// The state file of this data directory, which need not exist yet.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.to_owned(),
            device: device::addresses(),
        }
    }

    /// The stored state, or that of a new server, stored at once so that its identity lasts. A file
    /// that cannot be used is set aside with a warning; a folder that cannot be written to is a
    /// warning too.
    ///
    /// # Errors
    /// Only when a new identity is needed and the kernel has no randomness to give.
    pub fn load(&self) -> Result<(StoredState, LoadOutcome), getrandom::Error> {
        let outcome = match self.try_read() {
            Ok(Some(state)) => return Ok((state, LoadOutcome::Existing)),
            Ok(None) => LoadOutcome::Missing,
            Err(why) => {
                let moved_to = self.set_aside();
                tracing::warn!(
                    file = %self.file().display(),
                    kept = moved_to.as_ref().map(|path| tracing::field::display(path.display())),
                    "the state file is of no use ({why}): starting as a new server"
                );
                LoadOutcome::Unusable {
                    why: why.to_string(),
                    moved_to,
                }
            }
        };
        let mut state = StoredState::new(InstanceId(getrandom::u64()?));
        if let LoadOutcome::Unusable { why, moved_to } = &outcome {
            state.lost = Some(LostState {
                file: moved_to
                    .as_ref()
                    .unwrap_or(&self.file())
                    .display()
                    .to_string(),
                why: why.clone(),
            });
        }
        if let Err(error) = self.save(&state) {
            tracing::warn!(%error, "this server will be a new one after each restart");
        }
        Ok((state, outcome))
    }

    /// Keeps a file that cannot be used beside the one that takes its place: another name for it
    /// where that can be, so that there is no moment without a file, which would be a first start.
    fn set_aside(&self) -> Option<PathBuf> {
        let bad = self.path("bad");
        // Of an earlier time; a folder of that name stays, and then nothing is kept.
        let _ = fs::remove_file(&bad);
        fs::hard_link(self.file(), &bad)
            .or_else(|_| fs::rename(self.file(), &bad))
            .is_ok()
            .then_some(bad)
    }

    /// Why nobody is let in, or would be at the next start; nothing is written or moved.
    pub fn locked(&self) -> Option<LostState> {
        match self.try_read() {
            Ok(state) => state?.locked().cloned(),
            Err(why) => Some(LostState {
                file: self.file().display().to_string(),
                why: why.to_string(),
            }),
        }
    }

    /// The stored state, with nothing written or moved; none where there is none that can be read.
    pub fn read(&self) -> Option<StoredState> {
        self.try_read().ok().flatten()
    }

    /// Stores `state` for good before it returns; the file is the old one or the new one at every
    /// moment. Blocks for as long as the disk takes to sync.
    ///
    /// # Errors
    /// When the folder cannot be made or written to. The old file is whole then.
    pub fn save(&self, state: &StoredState) -> Result<(), SaveError> {
        self.text(state)
            .and_then(|text| replace(&self.folder, FILE, &text))
            .map_err(|source| SaveError {
                path: self.file(),
                source,
            })
    }

    /// The content of the file.
    fn text(&self, state: &StoredState) -> io::Result<Vec<u8>> {
        let stored = StoredState {
            device: self.device.clone(),
            ..state.clone()
        };
        let mut text = serde_json::to_vec_pretty(&stored)?;
        text.push(b'\n');
        Ok(text)
    }

    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{FILE}.{suffix}"))
    }

    /// None where there is no file.
    fn try_read(&self) -> Result<Option<StoredState>, ReadError> {
        let path = self.file();
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => {}
            // Opening a pipe would wait for a writer.
            Ok(_) => return Err(ReadError::NotRegular),
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let mut bytes = Vec::new();
        File::open(&path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))?;
        let mut state = parse(&bytes)?;
        let writer = std::mem::take(&mut state.device);
        // Any card in common will do: one may have been added, or taken out.
        if !writer.is_empty() && !self.device.is_empty() && writer.is_disjoint(&self.device) {
            let writer = writer.into_iter().collect::<Vec<_>>().join(", ");
            return Err(ReadError::OtherDevice(writer));
        }
        Ok(Some(state))
    }
}

/// Whether there is no such file, nor can be one: what should be its folder is none.
fn is_missing(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    kinds.contains(&error.kind())
}

fn parse(bytes: &[u8]) -> Result<StoredState, ReadError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    if bytes.len() as u64 > LIMIT {
        return Err(ReadError::TooLarge);
    }
    // Before the rest: a newer program's state may have another shape altogether.
    let Version { version } = serde_json::from_slice(bytes)?;
    if version != VERSION {
        return Err(ReadError::Version(version));
    }
    Ok(serde_json::from_slice(bytes)?)
}

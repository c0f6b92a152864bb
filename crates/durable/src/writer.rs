//! A thread that writes the newest state; callers wait for the disk only where they choose to.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::{io, thread};

use tokio::sync::watch;

/// Where a [`Writer`] stores its state: a file, for one.
pub trait Store<S>: Send + 'static {
    /// Why a state could not be stored.
    type Error: std::fmt::Display;

    /// Stores `state` for good before it returns. Blocks.
    ///
    /// # Errors
    /// When the state could not be stored; what was stored before is whole then.
    fn save(&self, state: &S) -> Result<(), Self::Error>;
}

/// Holds a state, and a thread that stores it. Several parts of the program each change what is
/// theirs in it. A state that is overtaken before it is written is never written: only the newest
/// counts. Dropping it waits until the last change is stored.
pub struct Writer<S> {
    newest: Arc<Mutex<Newest<S>>>,
    progress: watch::Receiver<Progress>,
    /// Wakes the thread. It has room for one: a second wake-up before the thread has looked adds
    /// nothing.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Newest<S> {
    state: S,
    /// How many changes there were.
    changes: u64,
}

/// How far the thread has come.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// The number of the last change that the last attempt included.
    attempted: u64,
    /// Why the last attempt failed.
    failure: Option<String>,
}

/// A change on its way to the disk.
#[must_use = "without waiting nobody learns whether it will outlive a power cut"]
pub struct PendingWrite {
    /// The number of the change.
    change: u64,
    progress: watch::Receiver<Progress>,
}

/// A change that counts in memory, but is not on the disk.
#[derive(Debug, thiserror::Error)]
#[error("it could not be stored, so a restart would undo it: {0}")]
pub struct WriteError(String);

impl<S: Clone + Send + 'static> Writer<S> {
    /// Starts the thread; `state` is what is stored already.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(store: impl Store<S>, state: S) -> io::Result<Self> {
        let newest = Arc::new(Mutex::new(Newest { state, changes: 0 }));
        let (progress_sender, progress) = watch::channel(Progress::default());
        let (wake, woken) = sync_channel(1);
        let shared = Arc::clone(&newest);
        let thread = thread::Builder::new()
            .name("state file".to_owned())
            .spawn(move || run(&woken, &shared, &store, &progress_sender))?;
        Ok(Self {
            newest,
            progress,
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Changes the state at once, and has it stored soon. `change` runs under a lock: it sets a few
    /// fields and cannot fail.
    pub fn update(&self, change: impl FnOnce(&mut S)) -> PendingWrite {
        let mut newest = lock(&self.newest);
        change(&mut newest.state);
        newest.changes += 1;
        let change = newest.changes;
        drop(newest);
        if let Some(wake) = &self.wake
            && let Err(TrySendError::Disconnected(())) = wake.try_send(())
        {
            tracing::error!("nobody writes the state file any more");
        }
        PendingWrite {
            change,
            progress: self.progress.clone(),
        }
    }
}

impl PendingWrite {
    /// Waits until the change is on the disk.
    ///
    /// # Errors
    /// When it cannot be written, with the system's reason.
    pub async fn wait(mut self) -> Result<(), WriteError> {
        let change = self.change;
        let outcome = self
            .progress
            .wait_for(|progress| progress.attempted >= change)
            .await;
        match outcome {
            Ok(progress) => progress
                .failure
                .clone()
                .map_or(Ok(()), |reason| Err(WriteError(reason))),
            Err(_) => Err(WriteError(
                "nobody writes the state file any more".to_owned(),
            )),
        }
    }

    /// Does not wait: it is stored soon, or the failure is only logged.
    pub fn detach(self) {}
}

fn lock<S>(newest: &Mutex<Newest<S>>) -> MutexGuard<'_, Newest<S>> {
    // Each change sets whole fields: a panic between two leaves a state that could have been.
    newest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stores the newest state each time it is woken.
fn run<S: Clone>(
    woken: &Receiver<()>,
    newest: &Mutex<Newest<S>>,
    store: &impl Store<S>,
    progress: &watch::Sender<Progress>,
) {
    // Ends when the writer is dropped, after the wake-up that came before has been worked off.
    while woken.recv().is_ok() {
        let (state, attempted) = {
            let newest = lock(newest);
            (newest.state.clone(), newest.changes)
        };
        let failure = store.save(&state).err().map(|error| error.to_string());
        if let Some(error) = &failure {
            tracing::warn!(%error, "a restart would start from the old state");
        }
        progress.send_replace(Progress { attempted, failure });
    }
}

impl<S> Drop for Writer<S> {
    /// Waits until what was changed last is on the disk.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it holds nothing that a panic could leave half done
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A number in a file.
    struct NumberFile(PathBuf);

    impl Store<u64> for NumberFile {
        type Error = io::Error;

        fn save(&self, number: &u64) -> io::Result<()> {
            crate::replace(&self.0, "number", number.to_string().as_bytes())
        }
    }

    fn stored(folder: &std::path::Path) -> u64 {
        let text = std::fs::read_to_string(folder.join("number")).unwrap();
        text.parse().unwrap()
    }

    #[test]
    fn the_newest_state_is_on_the_disk_once_the_writer_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(NumberFile(folder.path().to_owned()), 0).unwrap();
        for number in 0..50 {
            writer.update(|state| *state = number).detach();
        }
        drop(writer);
        assert_eq!(stored(folder.path()), 49);
    }

    #[tokio::test]
    async fn who_waits_for_a_change_finds_it_on_the_disk_and_the_others_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(NumberFile(folder.path().to_owned()), 0).unwrap();
        writer.update(|state| *state += 7).detach();
        let second = writer.update(|state| *state += 100);
        second.wait().await.unwrap();
        assert_eq!(stored(folder.path()), 107);
    }

    #[tokio::test]
    async fn a_disk_that_does_not_take_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let obstacle = folder.path().join("data");
        std::fs::write(&obstacle, "a file where the folder should be").unwrap();
        let writer = Writer::start(NumberFile(obstacle), 0).unwrap();
        let change = writer.update(|state| *state = 1);
        let reason = change.wait().await.unwrap_err().to_string();
        assert!(
            reason.contains("File exists") || reason.contains("Not a directory"),
            "{reason}"
        );
    }
}

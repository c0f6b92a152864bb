//! Writing a state without making anybody wait for the disk who does not want to.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::{io, thread};

use tokio::sync::watch;

/// Where a state is stored: a file, for one.
pub trait Store<S>: Send + 'static {
    /// Why it could not be stored.
    type Error: std::fmt::Display;

    /// Stores `state` for good before it returns. Blocks.
    ///
    /// # Errors
    /// When the state could not be stored; what was stored before is whole then.
    fn save(&self, state: &S) -> Result<(), Self::Error>;
}

/// Holds what this server remembers, and a thread that stores it. Several parts of the program each
/// change what is theirs in it. What is overtaken before it is written is never written: only the
/// newest counts.
pub struct Writer<S> {
    newest: Arc<Mutex<Newest<S>>>,
    written: watch::Receiver<Written>,
    /// One place: a bell that has been rung need not be rung again.
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Newest<S> {
    state: S,
    /// How many changes there were.
    changes: u64,
}

/// How far the file has come.
#[derive(Clone, Debug, Default)]
struct Written {
    /// Up to this change it was tried.
    tried: u64,
    /// Why the last try failed.
    failure: Option<String>,
}

/// A change that is on its way to the disk.
#[must_use = "without waiting nobody learns whether it will outlive a power cut"]
pub struct PendingWrite {
    change: u64,
    written: watch::Receiver<Written>,
}

/// A change counts now, and will not after a restart.
#[derive(Debug, thiserror::Error)]
#[error("it could not be stored, so a restart would undo it: {0}")]
pub struct WriteError(String);

impl<S: Clone + Send + 'static> Writer<S> {
    /// Starts the thread, with what is stored already.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn start(store: impl Store<S>, state: S) -> io::Result<Self> {
        let newest = Arc::new(Mutex::new(Newest { state, changes: 0 }));
        let (tell, written) = watch::channel(Written::default());
        let (bell, rung) = sync_channel(1);
        let theirs = Arc::clone(&newest);
        let thread = thread::Builder::new()
            .name("state file".to_owned())
            .spawn(move || write_on(&rung, &theirs, &store, &tell))?;
        Ok(Self {
            newest,
            written,
            bell: Some(bell),
            thread: Some(thread),
        })
    }

    /// Changes what is remembered, and has it stored soon. `change` sets a few fields and cannot
    /// fail.
    pub fn update(&self, change: impl FnOnce(&mut S)) -> PendingWrite {
        let mut newest = lock(&self.newest);
        change(&mut newest.state);
        newest.changes += 1;
        let change = newest.changes;
        drop(newest);
        if let Some(bell) = &self.bell
            && let Err(TrySendError::Disconnected(())) = bell.try_send(())
        {
            tracing::error!("nobody writes the state file any more");
        }
        PendingWrite {
            change,
            written: self.written.clone(),
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
            .written
            .wait_for(|written| written.tried >= change)
            .await;
        match outcome {
            Ok(written) => written
                .failure
                .clone()
                .map_or(Ok(()), |why| Err(WriteError(why))),
            Err(_) => Err(WriteError(
                "nobody writes the state file any more".to_owned(),
            )),
        }
    }

    /// For who is content that it is stored soon, or not at all.
    pub fn soon(self) {}
}

fn lock<S>(newest: &Mutex<Newest<S>>) -> MutexGuard<'_, Newest<S>> {
    // Each change sets whole fields: a panic between two leaves a state that could have been.
    newest.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_on<S: Clone>(
    rung: &Receiver<()>,
    newest: &Mutex<Newest<S>>,
    store: &impl Store<S>,
    tell: &watch::Sender<Written>,
) {
    // Ends when the writer is dropped, after what was rung before has been written.
    while rung.recv().is_ok() {
        let (state, tried) = {
            let newest = lock(newest);
            (newest.state.clone(), newest.changes)
        };
        let failure = store.save(&state).err().map(|error| error.to_string());
        if let Some(error) = &failure {
            tracing::warn!(%error, "a restart would start from the old state");
        }
        tell.send_replace(Written { tried, failure });
    }
}

impl<S> Drop for Writer<S> {
    /// Waits until what was changed last is on the disk.
    fn drop(&mut self) {
        self.bell = None;
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
            writer.update(|state| *state = number).soon();
        }
        drop(writer);
        assert_eq!(stored(folder.path()), 49);
    }

    #[tokio::test]
    async fn who_waits_for_a_change_finds_it_on_the_disk_and_the_others_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(NumberFile(folder.path().to_owned()), 0).unwrap();
        writer.update(|state| *state += 7).soon();
        let second = writer.update(|state| *state += 100);
        second.wait().await.unwrap();
        assert_eq!(stored(folder.path()), 107);
    }

    #[tokio::test]
    async fn a_disk_that_does_not_take_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let in_the_way = folder.path().join("data");
        std::fs::write(&in_the_way, "a file where the folder should be").unwrap();
        let writer = Writer::start(NumberFile(in_the_way), 0).unwrap();
        let change = writer.update(|state| *state = 1);
        let why = change.wait().await.unwrap_err().to_string();
        assert!(
            why.contains("File exists") || why.contains("Not a directory"),
            "{why}"
        );
    }
}

//! Writing the state file without making anybody wait for the disk.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::{io, thread};

use super::{State, StateFile};

/// A thread that stores the newest state there is. What is overtaken before it is written is never
/// written: only the newest counts.
pub struct Writer {
    newest: Arc<Mutex<Option<State>>>,
    /// One place: a bell that has been rung need not be rung again.
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn start(file: StateFile) -> io::Result<Self> {
        let newest = Arc::new(Mutex::new(None));
        let (bell, rung) = sync_channel(1);
        let theirs = Arc::clone(&newest);
        let thread = thread::Builder::new()
            .name("state file".to_owned())
            .spawn(move || write_on(&rung, &theirs, &file))?;
        Ok(Self { newest, bell: Some(bell), thread: Some(thread) })
    }

    /// Has this state stored soon.
    pub fn store(&self, state: State) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        if let Some(bell) = &self.bell
            && let Err(TrySendError::Disconnected(())) = bell.try_send(())
        {
            tracing::error!("nobody writes the state file any more");
        }
    }
}

fn write_on(rung: &Receiver<()>, newest: &Mutex<Option<State>>, file: &StateFile) {
    // Ends when the writer is dropped, after what was rung before has been written.
    while rung.recv().is_ok() {
        let state = newest.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(state) = state
            && let Err(error) = file.save(&state)
        {
            tracing::warn!(%error, "a restart would start from the old state");
        }
    }
}

impl Drop for Writer {
    /// Waits until what was stored last is on the disk.
    fn drop(&mut self) {
        self.bell = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it holds nothing that a panic could leave half done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{InstanceId, Term};

    #[test]
    fn the_newest_state_is_on_the_disk_once_the_writer_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path());
        let writer = Writer::start(file.clone()).unwrap();
        let mut state = State::new(InstanceId(1));
        for term in 0..50 {
            state.term = Term(term);
            writer.store(state.clone());
        }
        drop(writer);
        assert_eq!(file.load().unwrap().0, state);
    }
}

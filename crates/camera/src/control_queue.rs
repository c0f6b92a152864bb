//! Where questions to the camera's controls wait for the thread that may block on a device.
//!
//! A few places, first come first served. Who asks waits a bounded time; a question whose asker has
//! gone is not put any more. The queue outlives the thread: one that hangs in a driver is
//! abandoned, with the question in its hand, and its successor goes on with the next.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::control::Refused;
use super::control_worker::ControlWorker;
use super::drive::NoDrive;
use super::source::SourceError;

/// Questions that wait at a time.
const PLACES: usize = 16;
/// How long an asker should wait: longer than [`super::control_worker::WORK`], so that the thread
/// can tell of its end itself.
pub const PATIENCE: Duration = Duration::from_secs(6);

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The device.
    #[error("{0}")]
    Camera(#[from] SourceError),
    /// The device does not want that value.
    #[error("the camera refuses to set {name}: {why}")]
    NotTaken {
        /// The control.
        name: String,
        /// The system's words.
        why: String,
    },
    /// What was asked cannot be.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// Nothing moves, or not so.
    #[error("{0}")]
    NoDrive(#[from] NoDrive),
    /// It takes too long.
    #[error("the camera has not answered in time; it may still do what it was asked")]
    Late,
    /// Too many wait.
    #[error("{PLACES} questions to the camera wait already; try again")]
    Full,
    /// The thread panicked over it.
    #[error("the program failed over this question to the camera; the log says more")]
    Failed,
}

type Job = Box<dyn FnOnce(&mut ControlWorker) + Send>;

/// What the thread is to do next.
pub enum ControlJob {
    /// The camera was opened for viewers.
    Opened,
    /// Somebody asks.
    Asked(Job),
}

/// See the module.
pub struct ControlQueue {
    patience: Duration,
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// However often it was opened, once is enough.
    opened: bool,
    jobs: VecDeque<Job>,
}

impl ControlQueue {
    /// A desk where nobody waits yet, and askers wait for `patience`.
    pub fn new(patience: Duration) -> Self {
        Self {
            patience,
            waiting: Mutex::default(),
            came: Condvar::new(),
        }
    }

    /// Says that the camera was just opened for viewers. Never waits.
    pub fn opened(&self) {
        self.lock().opened = true;
        self.came.notify_one();
    }

    /// Has the thread run `question` on the device, and waits for the answer.
    ///
    /// # Errors
    /// [`ControlError`]
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut ControlWorker) -> Result<T, ControlError> + Send + 'static,
    ) -> Result<T, ControlError> {
        let (tell, told) = oneshot::channel();
        self.queue(Box::new(move |control_worker| {
            if !tell.is_closed() {
                // Who has gone meanwhile misses the answer.
                let _ = tell.send(question(control_worker));
            }
        }))?;
        match tokio::time::timeout(self.patience, told).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ControlError::Failed),
            Err(_) => Err(ControlError::Late),
        }
    }

    /// The next errand, waiting at most `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<ControlJob> {
        let (mut waiting, _) = self
            .came
            .wait_timeout_while(self.lock(), timeout, |w| !w.opened && w.jobs.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut waiting.opened) {
            return Some(ControlJob::Opened);
        }
        waiting.jobs.pop_front().map(ControlJob::Asked)
    }

    fn queue(&self, job: Job) -> Result<(), ControlError> {
        let mut waiting = self.lock();
        if waiting.jobs.len() >= PLACES {
            return Err(ControlError::Full);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.came.notify_one();
        Ok(())
    }

    /// Each change is one whole store: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

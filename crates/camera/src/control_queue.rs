//! Where jobs for the camera's controls wait for the thread that may block on a device.
//!
//! The queue is short, and first come, first served. A caller waits a bounded time; a job whose
//! caller has gone is not run any more. The queue outlives the thread: one that hangs in a driver
//! is abandoned, with the job that it is at, and its replacement goes on with the next.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::control::ControlChangeError;
use super::drive::DriveError;
use super::source::SourceError;

/// Jobs that wait at a time.
const CAPACITY: usize = 16;
/// A job makes no further call into the device after so long.
pub const JOB_TIME_LIMIT: Duration = Duration::from_secs(5);
/// How long a caller should wait for its answer: longer than [`JOB_TIME_LIMIT`], so that the thread
/// can tell of its end itself.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The device cannot be opened, has left, or failed a call.
    #[error("{0}")]
    Camera(#[from] SourceError),
    /// The device refused a value that its own description of the control allows.
    #[error("the camera refuses to set {name}: {why}")]
    DeviceRefused {
        /// The device's name for the control.
        name: String,
        /// The system's words.
        why: String,
    },
    /// A change that the device's description of the control rules out.
    #[error("{0}")]
    InvalidChange(#[from] ControlChangeError),
    /// The camera has no motor, or not the one that was asked for.
    #[error("{0}")]
    Drive(#[from] DriveError),
    /// No answer in time ([`ANSWER_TIMEOUT`], or [`JOB_TIME_LIMIT`] in the job itself).
    #[error("the camera has not answered in time; it may still do what it was asked")]
    TimedOut,
    /// As many jobs wait as may.
    #[error("{CAPACITY} questions to the camera wait already; try again")]
    QueueFull,
    /// The job panicked.
    #[error("the program failed over this question to the camera; the log says more")]
    Panicked,
}

/// A job in the queue, run on the thread that owns the worker `W`.
type QueuedJob<W> = Box<dyn FnOnce(&mut W) + Send>;

/// What the thread is to do next.
pub enum ControlJob<W> {
    /// The camera was opened for viewers: set again what it may have forgotten.
    CameraOpened,
    /// Run this job on the thread of the worker.
    Run(QueuedJob<W>),
}

/// Jobs for one worker `W`; see the [module](self).
pub struct ControlQueue<W> {
    answer_timeout: Duration,
    pending: Mutex<Pending<W>>,
    job_added: Condvar,
}

struct Pending<W> {
    /// However often it was opened, once is enough.
    camera_opened: bool,
    jobs: VecDeque<QueuedJob<W>>,
}

impl<W> ControlQueue<W> {
    /// An empty queue whose callers wait at most `answer_timeout`.
    pub const fn new(answer_timeout: Duration) -> Self {
        Self {
            answer_timeout,
            pending: Mutex::new(Pending {
                camera_opened: false,
                jobs: VecDeque::new(),
            }),
            job_added: Condvar::new(),
        }
    }

    /// Tells the thread that the camera was just opened for viewers. Never waits.
    pub fn camera_opened(&self) {
        self.lock().camera_opened = true;
        self.job_added.notify_one();
    }

    /// Has the thread run `job`, and waits for what it returns.
    ///
    /// # Errors
    /// That of the job, or the queue's: [`ControlError::QueueFull`], [`ControlError::TimedOut`],
    /// [`ControlError::Panicked`].
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut W) -> Result<T, ControlError> + Send + 'static,
    ) -> Result<T, ControlError> {
        let (answer_sender, answer) = oneshot::channel();
        self.push(Box::new(move |worker| {
            if !answer_sender.is_closed() {
                // A caller that has gone meanwhile misses the answer.
                let _ = answer_sender.send(job(worker));
            }
        }))?;
        match tokio::time::timeout(self.answer_timeout, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ControlError::Panicked),
            Err(_) => Err(ControlError::TimedOut),
        }
    }

    /// The next job, waiting at most `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<ControlJob<W>> {
        let is_empty = |p: &mut Pending<W>| !p.camera_opened && p.jobs.is_empty();
        let (mut pending, _) = self
            .job_added
            .wait_timeout_while(self.lock(), timeout, is_empty)
            .unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut pending.camera_opened) {
            return Some(ControlJob::CameraOpened);
        }
        pending.jobs.pop_front().map(ControlJob::Run)
    }

    fn push(&self, job: QueuedJob<W>) -> Result<(), ControlError> {
        let mut pending = self.lock();
        if pending.jobs.len() >= CAPACITY {
            return Err(ControlError::QueueFull);
        }
        pending.jobs.push_back(job);
        drop(pending);
        self.job_added.notify_one();
        Ok(())
    }

    /// Each change is one whole store: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Pending<W>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

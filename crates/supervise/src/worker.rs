//! Blocking threads that an actor owns: V4L2 capture, JPEG encoding.
//!
//! ```ignore
//! // In the function that makes the actor:
//! let worker = child.worker("capture", Duration::from_secs(5), backoff);
//! // In the actor, called by `started()`:
//! fn capture(&mut self, ctx: &mut Context<Self>) {
//!     let camera = self.camera.clone();
//!     let owner = ctx.address().recipient();
//!     let started = self.worker.ensure(owner, move |thread| {
//!         while thread.should_continue() { camera.next_frame()?; }
//!         Ok::<_, CameraError>(())
//!     });
//! }
//! // Handler<ThreadEnded>:
//! ctx.run_later(ended.restart_after, Self::capture);
//! ```
//!
//! The thread outlives a crash of its owner: the owner's next incarnation calls `ensure` again and
//! finds it running.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use actix::{Message, Recipient};
use porthole_backoff::{Backoff, draw};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::catch::{catch, truncated};
use super::child_runner::EventReporter;
use super::event::{Cause, Event, TreePath};
use super::hang_detector::{HangDetector, Liveness};
use super::progress::now;
use super::stop::StopToken;
use super::thread_context::ThreadContext;

/// Hung threads of one worker that may exist at a time: each holds a stack and whatever it hangs
/// on.
const MAX_ABANDONED: usize = 4;

/// Tells the owner that its thread ended, and how.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct ThreadEnded {
    /// The worker's name.
    pub thread: &'static str,
    /// Why; [`Cause::Stopped`] when its function returned `Ok`, asked to or not.
    pub cause: Cause,
    /// How long to wait before starting it again; nothing when it was told to stop.
    pub restart_after: Duration,
}

/// Whether a thread had to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadStatus {
    /// It was running before the call.
    AlreadyRunning,
    /// It has just been started.
    Started,
}

/// Why a thread could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The present one was told to stop and has not ended yet; [`ThreadEnded`] follows when it has.
    #[error("the thread {0} is still stopping")]
    Stopping(&'static str),
    /// Too many earlier threads of this worker hang.
    #[error("{hung} threads {thread} hang already; another one would too")]
    TooManyHung {
        /// The worker's name.
        thread: &'static str,
        /// How many hang.
        hung: usize,
    },
    /// The system has none to give.
    #[error("the system refuses to start the thread {thread}: {source}")]
    System {
        /// The worker's name.
        thread: &'static str,
        /// Its reason.
        source: io::Error,
    },
}

/// A slot for one thread. Dropping it tells the thread to stop.
pub struct Worker {
    name: &'static str,
    silence: Duration,
    slot: Arc<ThreadSlot>,
}

/// What the worker shares with the task that monitors its thread.
struct ThreadSlot {
    backoff: Backoff,
    reporter: EventReporter,
    path: TreePath,
    state: Mutex<SlotState>,
}

#[derive(Default)]
/// What is known of the thread that has the slot.
struct SlotState {
    /// The token of the thread that runs.
    running: Option<StopToken>,
    /// Why the last one ended, if nobody had asked it to.
    crash: Option<Cause>,
    /// Consecutive ends that nobody had asked for, see [`ThreadSlot::crashed`].
    consecutive_crashes: u32,
    restarts: u64,
    /// Threads that hang and have not woken yet.
    hung: usize,
}

impl Worker {
    pub(super) fn new(
        name: &'static str,
        silence: Duration,
        backoff: Backoff,
        reporter: EventReporter,
    ) -> Self {
        let path = reporter.path.child(name);
        Self {
            name,
            silence,
            slot: Arc::new(ThreadSlot {
                backoff,
                reporter,
                path,
                state: Mutex::default(),
            }),
        }
    }

    /// Starts the thread unless it runs. When it ends, for whatever reason, `owner` is told once.
    ///
    /// `body` is dropped unused when the thread runs. Must be called on an arbiter, as actors are.
    ///
    /// # Errors
    /// See [`StartError`]; after one the owner is told nothing.
    pub fn ensure<E, F>(
        &self,
        owner: Recipient<ThreadEnded>,
        body: F,
    ) -> Result<ThreadStatus, StartError>
    where
        E: Display,
        F: FnOnce(&ThreadContext) -> Result<(), E> + Send + 'static,
    {
        let mut state = self.slot.state();
        match &state.running {
            Some(stop) if stop.is_set() => return Err(StartError::Stopping(self.name)),
            Some(_) => return Ok(ThreadStatus::AlreadyRunning),
            None => {}
        }
        if state.hung >= MAX_ABANDONED {
            return Err(StartError::TooManyHung {
                thread: self.name,
                hung: state.hung,
            });
        }
        let thread_context = ThreadContext::new(self.silence);
        let (tell, told) = oneshot::channel();
        thread::Builder::new()
            .name(self.name.to_owned())
            .spawn({
                let thread_context = thread_context.share();
                move || {
                    // Nobody listens when the arbiter has ended.
                    let _ = tell.send(outcome(|| body(&thread_context)));
                }
            })
            .map_err(|source| StartError::System {
                thread: self.name,
                source,
            })?;

        state.running = Some(thread_context.stop().clone());
        if let Some(cause) = state.crash.take() {
            state.restarts = state.restarts.saturating_add(1);
            self.slot.reporter.events.send(Event::ThreadRestarted {
                actor: self.slot.reporter.actor,
                path: self.slot.path.clone(),
                cause,
                total: state.restarts,
            });
        }
        drop(state);
        let detector = HangDetector::new(self.silence, 0);
        actix::spawn(monitor(
            self.name,
            Arc::clone(&self.slot),
            thread_context,
            detector,
            told,
            owner,
        ));
        Ok(ThreadStatus::Started)
    }

    /// Tells the thread to stop, if it runs. [`ThreadEnded`] follows when it has.
    pub fn stop(&self) {
        if let Some(stop) = &self.slot.state().running {
            stop.set();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How a thread's function ended.
fn outcome<E: Display>(body: impl FnOnce() -> Result<(), E>) -> Cause {
    let ended = catch(|| body().map_err(|error| truncated(&error.to_string())));
    match ended {
        Ok(Ok(())) => Cause::Stopped,
        Ok(Err(error)) => Cause::Failed { error },
        Err(message) => Cause::Panic { message },
    }
}

/// Waits for a thread to end, or to fall silent, and tells its owner.
async fn monitor(
    thread: &'static str,
    slot: Arc<ThreadSlot>,
    thread_context: ThreadContext,
    mut detector: HangDetector,
    mut told: oneshot::Receiver<Cause>,
    owner: Recipient<ThreadEnded>,
) {
    let start = now();
    let every = HangDetector::every(detector.limit());
    let cause = loop {
        if let Ok(cause) = timeout(every, &mut told).await {
            // The thread always tells: what it runs is caught.
            break cause.unwrap_or(Cause::Stopped);
        }
        if detector.check(thread_context.heartbeats()) == Liveness::Hung {
            break Cause::Hang {
                job: thread,
                limit: detector.limit(),
            };
        }
    };
    let hung = matches!(cause, Cause::Hang { .. });
    let requested = thread_context.stop().is_set();
    // It may wake one day, and must not run beside its replacement then.
    thread_context.stop().set();
    let ran_for = now().saturating_duration_since(start);
    let restart_after = if requested {
        slot.stopped_on_request(&cause)
    } else {
        slot.crashed(&cause, ran_for)
    };
    // This clone has sent nothing yet, so the mailbox has a slot for it; a closed one has no owner
    // to tell.
    let _ = owner.try_send(ThreadEnded {
        thread,
        cause,
        restart_after,
    });
    if hung {
        // Without a limit, since there is none: the task is all that is kept of it, and those are
        // few.
        let _ = told.await;
        slot.state().hung -= 1;
    }
}

impl ThreadSlot {
    fn state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees the slot of a thread that was told to stop: its end begins nothing.
    fn stopped_on_request(&self, cause: &Cause) -> Duration {
        let mut state = self.state();
        state.consecutive_crashes = 0;
        state.crash = None;
        self.vacate(&mut state, cause);
        Duration::ZERO
    }

    /// Frees the slot of a thread that ended unasked, after it `ran_for` so long. Returns how long
    /// to wait before the next one.
    fn crashed(&self, cause: &Cause, ran_for: Duration) -> Duration {
        let mut state = self.state();
        // One that outran_for the longest wait had recovered.
        state.consecutive_crashes = if ran_for > self.backoff.max() {
            1
        } else {
            state.consecutive_crashes.saturating_add(1)
        };
        state.crash = Some(cause.clone());
        self.vacate(&mut state, cause);
        let draw = draw(self.path.as_str(), state.restarts);
        self.backoff
            .after(state.consecutive_crashes.saturating_sub(1), draw)
    }

    fn vacate(&self, state: &mut SlotState, cause: &Cause) {
        state.running = None;
        if matches!(cause, Cause::Hang { .. }) {
            state.hung += 1;
            self.reporter.events.send(Event::ThreadAbandoned {
                actor: self.reporter.actor,
                path: self.path.clone(),
                abandoned: state.hung,
            });
        }
    }
}

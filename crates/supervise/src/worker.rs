//! Blocking threads that an actor owns: V4L2 capture, JPEG encoding.
//!
//! ```ignore
//! // In the function that makes the actor:
//! let worker = lifeline.worker("capture", Duration::from_secs(5), backoff);
//! // In the actor, called by `started()`:
//! fn capture(&mut self, ctx: &mut Context<Self>) {
//!     let camera = self.camera.clone();
//!     let owner = ctx.address().recipient();
//!     let presence = self.worker.ensure(owner, move |vitals| {
//!         while vitals.go_on() { camera.next_frame()?; }
//!         Ok::<_, CameraError>(())
//!     });
//! }
//! // Handler<ThreadEnded>:
//! ctx.run_later(ended.again_after, Self::capture);
//! ```
//!
//! The thread outlives a crash of its owner: the owner's next life calls `ensure` again and finds
//! it running.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use actix::{Message, Recipient};
use porthole_backoff::{Backoff, draw};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::catch::{catch, clipped};
use super::child_runner::Reports;
use super::event::{Cause, Event, TreePath};
use super::progress::now;
use super::silence::{Finding, Silence};
use super::stop::Stop;
use super::vitals::Vitals;

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
    pub again_after: Duration,
}

/// Whether a thread had to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It runs since before.
    Running,
    /// It has just been started.
    Started,
}

/// Why a thread could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The present one was told to stop and has not ended yet; [`ThreadEnded`] will tell.
    #[error("the thread {0} is still stopping")]
    Stopping(&'static str),
    /// Too many of its predecessors hang.
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

/// A place for one thread. Dropping it tells the thread to stop.
pub struct Worker {
    name: &'static str,
    silence: Duration,
    seat: Arc<Seat>,
}

/// What the worker shares with the task that attends its thread.
struct Seat {
    backoff: Backoff,
    reports: Reports,
    path: TreePath,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The token of the thread that runs.
    running: Option<Stop>,
    /// Why the last one ended, if nobody had asked it to.
    crash: Option<Cause>,
    /// Ends in a row that nobody had asked for, see [`Seat::crashed`].
    in_a_row: u32,
    restarts: u64,
    /// Threads that hang and have not woken yet.
    hung: usize,
}

impl Worker {
    pub(super) fn new(
        name: &'static str,
        silence: Duration,
        backoff: Backoff,
        reports: Reports,
    ) -> Self {
        let path = reports.path.child(name);
        Self {
            name,
            silence,
            seat: Arc::new(Seat {
                backoff,
                reports,
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
    ) -> Result<Presence, StartError>
    where
        E: Display,
        F: FnOnce(&Vitals) -> Result<(), E> + Send + 'static,
    {
        let mut state = self.seat.state();
        match &state.running {
            Some(stop) if stop.is_set() => return Err(StartError::Stopping(self.name)),
            Some(_) => return Ok(Presence::Running),
            None => {}
        }
        if state.hung >= MAX_ABANDONED {
            return Err(StartError::TooManyHung {
                thread: self.name,
                hung: state.hung,
            });
        }
        let vitals = Vitals::new(self.silence);
        let (tell, told) = oneshot::channel();
        thread::Builder::new()
            .name(self.name.to_owned())
            .spawn({
                let vitals = vitals.share();
                move || {
                    // Nobody listens when the arbiter has ended.
                    let _ = tell.send(outcome(|| body(&vitals)));
                }
            })
            .map_err(|source| StartError::System {
                thread: self.name,
                source,
            })?;

        state.running = Some(vitals.stop().clone());
        if let Some(cause) = state.crash.take() {
            state.restarts = state.restarts.saturating_add(1);
            self.seat.reports.sink.send(Event::ThreadRestarted {
                actor: self.seat.reports.actor,
                path: self.seat.path.clone(),
                cause,
                total: state.restarts,
            });
        }
        drop(state);
        let watch = Silence::new(self.silence, 0);
        actix::spawn(attend(
            self.name,
            Arc::clone(&self.seat),
            vitals,
            watch,
            told,
            owner,
        ));
        Ok(Presence::Started)
    }

    /// Tells the thread to stop, if it runs. [`ThreadEnded`] follows when it has.
    pub fn stop(&self) {
        if let Some(stop) = &self.seat.state().running {
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
    let ended = catch(|| body().map_err(|error| clipped(&error.to_string())));
    match ended {
        Ok(Ok(())) => Cause::Stopped,
        Ok(Err(error)) => Cause::Failed { error },
        Err(message) => Cause::Panic { message },
    }
}

/// Waits for a thread to end, or to fall silent, and tells its owner.
async fn attend(
    thread: &'static str,
    seat: Arc<Seat>,
    vitals: Vitals,
    mut silence: Silence,
    mut told: oneshot::Receiver<Cause>,
    owner: Recipient<ThreadEnded>,
) {
    let start = now();
    let every = Silence::every(silence.limit());
    let cause = loop {
        if let Ok(cause) = timeout(every, &mut told).await {
            // The thread always tells: what it runs is caught.
            break cause.unwrap_or(Cause::Stopped);
        }
        if silence.check(vitals.signs()) == Finding::Hung {
            break Cause::Hang {
                job: thread,
                limit: silence.limit(),
            };
        }
    };
    let hung = matches!(cause, Cause::Hang { .. });
    let asked = vitals.stop().is_set();
    // It may wake one day, and must not go on beside its successor then.
    vitals.stop().set();
    let lived = now().saturating_duration_since(start);
    let again_after = if asked {
        seat.left(&cause)
    } else {
        seat.crashed(&cause, lived)
    };
    // This clone has sent nothing yet, so the mailbox has a slot for it; a closed one has no owner
    // to tell.
    let _ = owner.try_send(ThreadEnded {
        thread,
        cause,
        again_after,
    });
    if hung {
        // Without a limit, since there is none: the task is all that is kept of it, and those are
        // few.
        let _ = told.await;
        seat.state().hung -= 1;
    }
}

impl Seat {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees the seat of a thread that was told to stop: its end begins nothing.
    fn left(&self, cause: &Cause) -> Duration {
        let mut state = self.state();
        state.in_a_row = 0;
        state.crash = None;
        self.vacate(&mut state, cause);
        Duration::ZERO
    }

    /// Frees the seat of a thread that ended unasked, after it `lived` for so long. Returns how
    /// long to wait before the next one.
    fn crashed(&self, cause: &Cause, lived: Duration) -> Duration {
        let mut state = self.state();
        // One that outlived the longest wait had recovered.
        state.in_a_row = if lived > self.backoff.max() {
            1
        } else {
            state.in_a_row.saturating_add(1)
        };
        state.crash = Some(cause.clone());
        self.vacate(&mut state, cause);
        let draw = draw(self.path.as_str(), state.restarts);
        self.backoff.after(state.in_a_row.saturating_sub(1), draw)
    }

    fn vacate(&self, state: &mut State, cause: &Cause) {
        state.running = None;
        if matches!(cause, Cause::Hang { .. }) {
            state.hung += 1;
            self.reports.sink.send(Event::ThreadAbandoned {
                actor: self.reports.actor,
                path: self.path.clone(),
                abandoned: state.hung,
            });
        }
    }
}

//! The loop around one actor: run it, and when it crashes restart it or give it up.

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Instant;

use actix::{Actor, Context, Supervised};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::budget::{Budget, CrashAction};
use super::channel::EventSender;
use super::event::{ActorName, Cause, Event, TreePath};
use super::incarnation::Incarnation;
use super::policy::{CrashHistory, Policy};
use super::progress::{Progress, now};
use super::resync::StartOrder;

/// Runs one actor until its budget is used up or a shutdown is requested.
pub(super) struct ChildRunner<A: Actor<Context = Context<A>>> {
    incarnation: Incarnation<A>,
    progress: Progress,
    history: CrashHistory,
    start_order: StartOrder,
    /// True once a shutdown was requested.
    shutdown: watch::Receiver<bool>,
    reporter: EventReporter,
}

/// Sends the events of one actor.
#[derive(Clone)]
pub(super) struct EventReporter {
    pub(super) events: EventSender,
    pub(super) actor: ActorName,
    pub(super) path: TreePath,
    pub(super) budget: Budget,
}

impl EventReporter {
    pub(super) fn escalated(&self, cause: Cause) {
        self.events.send(Event::Escalated {
            actor: self.actor,
            path: self.path.clone(),
            cause,
            budget: self.budget,
        });
    }
}

/// What a crash led to.
enum Recovery {
    Restarted,
    /// The budget is used up.
    GivenUp(Cause),
    /// A shutdown was requested meanwhile.
    Shutdown,
}

/// Why polling the actor's future came to an end.
enum PollOutcome {
    /// The incarnation is over.
    Ended(Cause),
    /// A job began whose deadline is sooner than the timer's.
    SoonerDeadline,
}

impl<A: Actor<Context = Context<A>> + Supervised> ChildRunner<A> {
    pub(super) fn new(
        incarnation: Incarnation<A>,
        progress: Progress,
        policy: Policy,
        start_order: StartOrder,
        shutdown: watch::Receiver<bool>,
        reporter: EventReporter,
    ) -> Self {
        Self {
            incarnation,
            progress,
            history: CrashHistory::new(policy, reporter.path.as_str()),
            start_order,
            shutdown,
            reporter,
        }
    }

    /// Runs the actor until it is given up or shut down.
    pub(super) async fn run(mut self) {
        let (actor, path) = (self.reporter.actor, self.reporter.path.clone());
        self.reporter.events.send(Event::Started {
            actor,
            path: path.clone(),
        });
        while let Some(cause) = self.run_incarnation().await {
            match self.restart(cause).await {
                Recovery::Restarted => {}
                Recovery::GivenUp(cause) => {
                    self.incarnation.abandon();
                    self.reporter.escalated(cause);
                    return;
                }
                Recovery::Shutdown => {
                    self.incarnation.abandon();
                    break;
                }
            }
        }
        drop(self.incarnation);
        self.reporter.events.send(Event::Ended { actor, path });
    }

    /// Runs one incarnation to its end. Returns what ended it, unless that was a shutdown.
    async fn run_incarnation(&mut self) -> Option<Cause> {
        let mut stopping = false;
        loop {
            let Self {
                incarnation,
                progress,
                shutdown,
                ..
            } = self;
            let deadline = progress.earliest();
            let outcome = tokio::select! {
                biased;
                () = shutdown_requested(shutdown), if !stopping => {
                    stopping = true;
                    incarnation.ask_to_stop();
                    continue;
                }
                outcome = poll_fn(|task| {
                    if let Poll::Ready(cause) = incarnation.poll(task) {
                        return Poll::Ready(PollOutcome::Ended(cause));
                    }
                    progress.wake_on_sooner(task.waker());
                    if is_sooner(progress.earliest(), deadline) {
                        return Poll::Ready(PollOutcome::SoonerDeadline);
                    }
                    Poll::Pending
                }) => outcome,
                // After the poll: a job that ends in the very poll of its deadline is in time.
                () = until(deadline) => match progress.overdue() {
                    Some(job) => PollOutcome::Ended(Cause::Hang { job: job.name, limit: job.limit }),
                    None => continue,
                },
            };
            match outcome {
                PollOutcome::SoonerDeadline => {}
                PollOutcome::Ended(_) if stopping => return None,
                PollOutcome::Ended(cause) => return Some(cause),
            }
        }
    }

    /// Begins the next incarnation after a crash, if the budget allows one more.
    async fn restart(&mut self, mut cause: Cause) -> Recovery {
        loop {
            let decision = self.history.crash(now());
            if decision.action == CrashAction::Escalate {
                return Recovery::GivenUp(cause);
            }
            self.reporter.events.send(Event::Restarted {
                actor: self.reporter.actor,
                path: self.reporter.path.clone(),
                cause,
                in_window: decision.in_window,
                total: decision.total,
            });
            // Even a sleep of zero costs a tick of the timer, 1.2 ms: a restart that need not wait
            // does without.
            if !decision.after.is_zero() {
                tokio::select! {
                    () = shutdown_requested(&mut self.shutdown) => return Recovery::Shutdown,
                    () = sleep(decision.after) => {}
                }
            } else if decision.in_window > 1 {
                // One that crashes as it starts lets the others on the arbiter run in between.
                tokio::task::yield_now().await;
            }
            self.progress.new_incarnation();
            match self.incarnation.restart() {
                Ok(()) => {
                    self.start_order.notify_dependents(self.reporter.actor);
                    return Recovery::Restarted;
                }
                Err(next) => cause = next,
            }
        }
    }
}

/// Ends when a shutdown is requested; never, when nobody is left to request one.
async fn shutdown_requested(shutdown: &mut watch::Receiver<bool>) {
    if shutdown.wait_for(|requested| *requested).await.is_err() {
        pending::<()>().await;
    }
}

/// Ends at the deadline; never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

/// Whether the timer set for `armed` would come too late for `deadline`.
fn is_sooner(deadline: Option<Instant>, armed: Option<Instant>) -> bool {
    match (deadline, armed) {
        (Some(deadline), Some(armed)) => deadline < armed,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

//! The loop around one actor: run it, and when it crashes restart it or give it up.

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Instant;

use actix::{Actor, Context, Supervised};
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::budget::{Budget, Verdict};
use super::channel::Sink;
use super::event::{ActorName, Cause, Event, TreePath};
use super::incarnation::Incarnation;
use super::policy::{History, Policy};
use super::progress::{Progress, now};
use super::resync::Rank;

/// Runs one actor for as long as its budget, and nobody's wish to shut down, allow.
pub(super) struct ChildRunner<A: Actor<Context = Context<A>>> {
    incarnation: Incarnation<A>,
    progress: Progress,
    history: History,
    rank: Rank,
    /// True once a shutdown was asked for.
    asked: watch::Receiver<bool>,
    reports: Reports,
}

/// Says what happens to one actor.
#[derive(Clone)]
pub(super) struct Reports {
    pub(super) sink: Sink,
    pub(super) actor: ActorName,
    pub(super) path: TreePath,
    pub(super) budget: Budget,
}

impl Reports {
    pub(super) fn escalated(&self, cause: Cause) {
        self.sink.send(Event::Escalated {
            actor: self.actor,
            path: self.path.clone(),
            cause,
            budget: self.budget,
        });
    }
}

/// What came of a crash.
enum Revival {
    NextLife,
    /// It was one too many.
    Refused(Cause),
    /// A shutdown was asked for meanwhile.
    Shutdown,
}

/// What the actor's turn on the arbiter came to.
enum Turn {
    Over(Cause),
    /// A job began whose deadline is sooner than the timer's.
    SoonerDeadline,
}

impl<A: Actor<Context = Context<A>> + Supervised> ChildRunner<A> {
    pub(super) fn new(
        incarnation: Incarnation<A>,
        progress: Progress,
        policy: Policy,
        rank: Rank,
        asked: watch::Receiver<bool>,
        reports: Reports,
    ) -> Self {
        Self {
            incarnation,
            progress,
            history: History::new(policy, reports.path.as_str()),
            rank,
            asked,
            reports,
        }
    }

    /// Runs the actor until it is given up or shut down.
    pub(super) async fn run(mut self) {
        let (actor, path) = (self.reports.actor, self.reports.path.clone());
        self.reports.sink.send(Event::Started {
            actor,
            path: path.clone(),
        });
        while let Some(cause) = self.live().await {
            match self.revive(cause).await {
                Revival::NextLife => {}
                Revival::Refused(cause) => {
                    self.incarnation.abandon();
                    self.reports.escalated(cause);
                    return;
                }
                Revival::Shutdown => {
                    self.incarnation.abandon();
                    break;
                }
            }
        }
        drop(self.incarnation);
        self.reports.sink.send(Event::Ended { actor, path });
    }

    /// Runs one life to its end. Returns what ended it, unless that was a shutdown.
    async fn live(&mut self) -> Option<Cause> {
        let mut leaving = false;
        loop {
            let Self {
                incarnation,
                progress,
                asked,
                ..
            } = self;
            let deadline = progress.earliest();
            let turn = tokio::select! {
                biased;
                () = asked_for(asked), if !leaving => {
                    leaving = true;
                    incarnation.ask_to_stop();
                    continue;
                }
                turn = poll_fn(|task| {
                    if let Poll::Ready(cause) = incarnation.poll(task) {
                        return Poll::Ready(Turn::Over(cause));
                    }
                    progress.wake_on_sooner(task.waker());
                    if is_sooner(progress.earliest(), deadline) {
                        return Poll::Ready(Turn::SoonerDeadline);
                    }
                    Poll::Pending
                }) => turn,
                // After the actor's turn: a job that ends in the very turn of its deadline has made it.
                () = until(deadline) => match progress.overdue() {
                    Some(job) => Turn::Over(Cause::Hang { job: job.name, limit: job.limit }),
                    None => continue,
                },
            };
            match turn {
                Turn::SoonerDeadline => {}
                Turn::Over(_) if leaving => return None,
                Turn::Over(cause) => return Some(cause),
            }
        }
    }

    /// Begins the next life after a crash, if the budget has one left.
    async fn revive(&mut self, mut cause: Cause) -> Revival {
        loop {
            let decision = self.history.crash(now());
            if decision.verdict == Verdict::Escalate {
                return Revival::Refused(cause);
            }
            self.reports.sink.send(Event::Restarted {
                actor: self.reports.actor,
                path: self.reports.path.clone(),
                cause,
                in_window: decision.in_window,
                total: decision.total,
            });
            // Even a sleep of zero costs a tick of the timer, 1.2 ms: a restart that need not wait
            // goes round it.
            if !decision.after.is_zero() {
                tokio::select! {
                    () = asked_for(&mut self.asked) => return Revival::Shutdown,
                    () = sleep(decision.after) => {}
                }
            } else if decision.in_window > 1 {
                // One that crashes as it starts leaves the others on the arbiter their turn.
                tokio::task::yield_now().await;
            }
            self.progress.new_life();
            match self.incarnation.restart() {
                Ok(()) => {
                    self.rank.tell_younger(self.reports.actor);
                    return Revival::NextLife;
                }
                Err(next) => cause = next,
            }
        }
    }
}

/// Ends when a shutdown is asked for; never, when nobody is left to ask.
async fn asked_for(asked: &mut watch::Receiver<bool>) {
    if asked.wait_for(|asked| *asked).await.is_err() {
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

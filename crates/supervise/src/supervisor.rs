//! The tree: a root, its groups, and the actors kept in them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, mem};

use actix::dev::channel::channel as mailbox;
use actix::{Actor, Addr, ArbiterHandle, Context, Handler, Recipient, Supervised};
use porthole_backoff::Backoff;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::catch::catch;
use super::channel::{Events, Sink, channel};
use super::child_runner::{ChildRunner, Reports};
use super::event::{ActorName, Cause, TreePath};
use super::incarnation::Incarnation;
use super::policy::Policy;
use super::progress::Progress;
use super::resync::{Rank, Resync, Siblings};
use super::watchdog::Watchdog;
use super::worker::Worker;

/// Messages a mailbox holds unless its actor says otherwise (actix's default), and one more per
/// sender.
const MAILBOX: usize = 16;

/// The root of the tree.
#[derive(Clone)]
pub struct Supervisor {
    root: Arc<Root>,
}

struct Root {
    sink: Sink,
    /// In start order.
    children: Mutex<Vec<Child>>,
}

/// A kept actor, as seen from the root.
struct Child {
    path: TreePath,
    /// Set to ask for a shutdown; closed once the keeper has ended.
    shutdown: watch::Sender<bool>,
}

/// Actors that depend on each other, the younger on the elder: when an elder is restarted, its
/// younger siblings are told to [`Resync`]. A group has no budget of its own, since nested budgets
/// multiply; it names a place.
#[derive(Clone)]
pub struct Group {
    root: Arc<Root>,
    path: TreePath,
    siblings: Siblings,
}

/// What a kept actor holds of its keeper. Handed to the function that makes the actor.
#[derive(Clone)]
pub struct Lifeline {
    /// Deadlines for the actor's asynchronous jobs.
    pub progress: Progress,
    reports: Reports,
}

impl Lifeline {
    /// A place for one blocking thread that the actor will own. A thread that shows no sign of life
    /// for `silence` is taken for hung; `backoff` says how long to wait before each restart.
    pub fn worker(&self, name: &'static str, silence: Duration, backoff: Backoff) -> Worker {
        Worker::new(name, silence, backoff, self.reports.clone())
    }
}

impl Supervisor {
    /// A tree without actors, and what will happen in it.
    pub fn new() -> (Self, Events) {
        let (sink, events) = channel();
        let root = Arc::new(Root {
            sink,
            children: Mutex::default(),
        });
        (Self { root }, events)
    }

    /// A new group under the root.
    #[must_use]
    pub fn group(&self, name: &'static str) -> Group {
        Group {
            root: Arc::clone(&self.root),
            path: TreePath::root().child(name),
            siblings: Siblings::default(),
        }
    }

    /// A watch on arbiters, which have to turn within `limit`.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn watchdog(&self, limit: Duration) -> io::Result<Watchdog> {
        Watchdog::start(limit, self.root.sink.clone())
    }

    /// Asks all actors to stop, the youngest first, each when the one before has ended.
    ///
    /// Returns those that had not ended when `limit` for all of them together was over; the actors
    /// after the first such one were asked, but not waited for.
    pub async fn shutdown(&self, limit: Duration) -> Vec<TreePath> {
        let deadline = Instant::now() + limit;
        let mut children = {
            let mut children = self
                .root
                .children
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            mem::take(&mut *children)
        };
        let mut left = Vec::new();
        while let Some(child) = children.pop() {
            child.shutdown.send_replace(true);
            if timeout_at(deadline, child.shutdown.closed()).await.is_err() {
                left.push(child.path);
            }
        }
        left
    }
}

impl Group {
    /// Starts an actor on `arbiter` and keeps it. `make` runs there; the actor need not be `Send`.
    /// The address is valid at once and through all the actor's lives.
    pub fn keep<A, F>(
        &self,
        arbiter: &ArbiterHandle,
        name: ActorName,
        policy: Policy,
        make: F,
    ) -> Addr<A>
    where
        A: Actor<Context = Context<A>> + Supervised,
        F: FnOnce(&mut Context<A>, Lifeline) -> A + Send + 'static,
    {
        self.keep_as(arbiter, name, policy, make, |_| None)
    }

    /// [`keep`](Self::keep), for an actor that is told when one started before it in this group is
    /// restarted.
    pub fn keep_synced<A, F>(
        &self,
        arbiter: &ArbiterHandle,
        name: ActorName,
        policy: Policy,
        make: F,
    ) -> Addr<A>
    where
        A: Actor<Context = Context<A>> + Supervised + Handler<Resync>,
        F: FnOnce(&mut Context<A>, Lifeline) -> A + Send + 'static,
    {
        self.keep_as(arbiter, name, policy, make, |address| {
            Some(address.clone().recipient())
        })
    }

    fn keep_as<A, F>(
        &self,
        arbiter: &ArbiterHandle,
        name: ActorName,
        policy: Policy,
        make: F,
        resync: impl FnOnce(&Addr<A>) -> Option<Recipient<Resync>>,
    ) -> Addr<A>
    where
        A: Actor<Context = Context<A>> + Supervised,
        F: FnOnce(&mut Context<A>, Lifeline) -> A + Send + 'static,
    {
        let (sender, receiver) = mailbox(MAILBOX);
        let address = Addr::new(sender);
        let rank = self.siblings.join(resync(&address));
        let reports = Reports {
            sink: self.root.sink.clone(),
            actor: name,
            path: self.path.child(name.0),
            budget: policy.budget,
        };
        let asked = self.root.adopt(reports.path.clone());

        let unsent = reports.clone();
        let sent = arbiter.spawn_fn(move || {
            if let Err(message) = begin(receiver, policy, rank, asked, &reports, make) {
                reports.escalated(Cause::Panic { message });
            }
        });
        if !sent {
            unsent.escalated(Cause::Failed {
                error: "its arbiter has ended".to_owned(),
            });
        }
        address
    }
}

/// Makes the actor and starts its keeper, on the actor's own arbiter.
///
/// # Errors
/// When `make` panics: its message. There is no actor then that could be restarted.
fn begin<A, F>(
    receiver: actix::dev::channel::AddressReceiver<A>,
    policy: Policy,
    rank: Rank,
    asked: watch::Receiver<bool>,
    reports: &Reports,
    make: F,
) -> Result<(), String>
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&mut Context<A>, Lifeline) -> A,
{
    let progress = Progress::default();
    let lifeline = Lifeline {
        progress: progress.clone(),
        reports: reports.clone(),
    };
    let future = catch(|| {
        let mut context = Context::with_receiver(receiver);
        let actor = make(&mut context, lifeline);
        context.into_future(actor)
    })?;
    let child_runner = ChildRunner::new(
        Incarnation::new(future),
        progress,
        policy,
        rank,
        asked,
        reports.clone(),
    );
    actix::spawn(child_runner.run());
    Ok(())
}

impl Root {
    fn adopt(&self, path: TreePath) -> watch::Receiver<bool> {
        let (shutdown, asked) = watch::channel(false);
        self.children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Child { path, shutdown });
        asked
    }
}

//! The tree: a root, its groups, and the actors supervised in them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, mem};

use actix::dev::channel::{AddressReceiver, channel as mailbox};
use actix::{Actor, Addr, ArbiterHandle, Context, Handler, Recipient, Supervised};
use porthole_backoff::Backoff;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::catch::catch;
use super::channel::{EventSender, Events, channel};
use super::child_runner::{ChildRunner, EventReporter};
use super::event::{ActorName, Cause, TreePath};
use super::incarnation::Incarnation;
use super::policy::Policy;
use super::progress::Progress;
use super::resync::{Resync, Siblings, StartOrder};
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
    events: EventSender,
    /// In start order.
    children: Mutex<Vec<Child>>,
}

/// A supervised actor, as seen from the root.
struct Child {
    path: TreePath,
    /// Set to request a shutdown; closed once the child runner has ended.
    shutdown: watch::Sender<bool>,
}

/// Actors each of which depends on those started before it: when one is restarted, its dependents
/// are told to [`Resync`]. A group has no budget of its own, since nested budgets multiply; it only
/// names a path in the tree.
#[derive(Clone)]
pub struct Group {
    root: Arc<Root>,
    path: TreePath,
    siblings: Siblings,
}

/// What supervision gives to an actor: handed to the function that makes it.
#[derive(Clone)]
pub struct ChildContext {
    /// Deadlines for the actor's asynchronous jobs.
    pub progress: Progress,
    reporter: EventReporter,
}

impl ChildContext {
    /// A slot for one blocking thread that the actor will own. A thread that gives no heartbeat for
    /// `silence` is taken for hung; `backoff` says how long to wait before each restart.
    pub fn worker(&self, name: &'static str, silence: Duration, backoff: Backoff) -> Worker {
        Worker::new(name, silence, backoff, self.reporter.clone())
    }
}

impl Supervisor {
    /// A tree without actors, and the events of it.
    pub fn new() -> (Self, Events) {
        let (sender, events) = channel();
        let root = Arc::new(Root {
            events: sender,
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

    /// A watchdog for arbiters: one that runs no task for `limit` is reported as stuck.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn watchdog(&self, limit: Duration) -> io::Result<Watchdog> {
        Watchdog::start(limit, self.root.events.clone())
    }

    /// Asks all actors to stop, dependents before what they depend on, each when the one before has
    /// ended.
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
    /// Describes an actor that is to run on `arbiter` and creates its mailbox. The address is valid
    /// at once, so actors that send to each other can be described before either is started.
    pub fn child<A>(&self, arbiter: &ArbiterHandle, name: ActorName, policy: Policy) -> ChildSpec<A>
    where
        A: Actor<Context = Context<A>> + Supervised,
    {
        let (sender, mailbox) = mailbox(MAILBOX);
        ChildSpec {
            group: self.clone(),
            arbiter: arbiter.clone(),
            name,
            policy,
            address: Addr::new(sender),
            mailbox,
            resync: None,
        }
    }
}

/// An actor that is yet to be started. What is sent to its address meanwhile waits in the mailbox.
#[must_use = "the actor runs once `start` is called"]
pub struct ChildSpec<A: Actor<Context = Context<A>>> {
    group: Group,
    arbiter: ArbiterHandle,
    name: ActorName,
    policy: Policy,
    address: Addr<A>,
    mailbox: AddressReceiver<A>,
    resync: Option<Recipient<Resync>>,
}

impl<A> ChildSpec<A>
where
    A: Actor<Context = Context<A>> + Supervised,
{
    /// The actor's address, through all its restarts.
    pub fn address(&self) -> Addr<A> {
        self.address.clone()
    }

    /// Has the actor told whenever one that was started before it in its group is restarted.
    pub fn resynced(mut self) -> Self
    where
        A: Handler<Resync>,
    {
        self.resync = Some(self.address.clone().recipient());
        self
    }

    /// Starts the actor. `make` runs on its arbiter; the actor need not be `Send`. It depends on
    /// all that were started before it in its group.
    pub fn start<F>(self, make: F) -> Addr<A>
    where
        F: FnOnce(&mut Context<A>, ChildContext) -> A + Send + 'static,
    {
        let Self {
            group,
            arbiter,
            name,
            policy,
            address,
            mailbox,
            resync,
        } = self;
        let start_order = group.siblings.join(resync);
        let reporter = EventReporter {
            events: group.root.events.clone(),
            actor: name,
            path: group.path.child(name.0),
            budget: policy.budget,
        };
        let shutdown = group.root.adopt(reporter.path.clone());

        let unsent = reporter.clone();
        let sent = arbiter.spawn_fn(move || {
            if let Err(message) = begin(mailbox, policy, start_order, shutdown, &reporter, make) {
                reporter.escalated(Cause::Panic { message });
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

/// Makes the actor and starts its child runner, on the actor's own arbiter.
///
/// # Errors
/// When `make` panics: its message. There is no actor then that could be restarted.
fn begin<A, F>(
    receiver: AddressReceiver<A>,
    policy: Policy,
    start_order: StartOrder,
    shutdown: watch::Receiver<bool>,
    reporter: &EventReporter,
    make: F,
) -> Result<(), String>
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&mut Context<A>, ChildContext) -> A,
{
    let progress = Progress::default();
    let child = ChildContext {
        progress: progress.clone(),
        reporter: reporter.clone(),
    };
    let future = catch(|| {
        let mut context = Context::with_receiver(receiver);
        let actor = make(&mut context, child);
        context.into_future(actor)
    })?;
    let child_runner = ChildRunner::new(
        Incarnation::new(future),
        progress,
        policy,
        start_order,
        shutdown,
        reporter.clone(),
    );
    actix::spawn(child_runner.run());
    Ok(())
}

impl Root {
    fn adopt(&self, path: TreePath) -> watch::Receiver<bool> {
        let (shutdown, requested) = watch::channel(false);
        self.children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Child { path, shutdown });
        requested
    }
}

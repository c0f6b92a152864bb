//! The whole of supervision, on real actix systems.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, Addr, Arbiter, AsyncContext, Context, Handler, MailboxError, Message, Running,
    SpawnHandle, Supervised,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use porthole_supervise::{ActorName, Backoff, Budget, ChildContext, Event, Events, Policy, Resync};

mod hangs;
mod panics;
mod threads;
mod tree;

/// Awaits what must come soon; its failure is loud.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), what)
        .await
        .expect("this should have come long ago")
}

/// A policy without waits.
fn forgiving(restarts: u32) -> Policy {
    Policy {
        budget: Budget {
            restarts,
            window: Duration::from_hours(1),
        },
        backoff: Backoff::NONE,
    }
}

const SUBJECT: ActorName = ActorName("subject");

/// An actor that does what it is told, and can be told to fail at any point.
struct Subject {
    child: ChildContext,
    incarnations: u32,
    /// How many of the next calls panic.
    panics_in_started: u32,
    panics_in_restarting: u32,
    cleanup: Cleanup,
    stays_when_asked_to_stop: bool,
    /// Told the number of each incarnation by a timer that it started.
    ticks: Option<mpsc::UnboundedSender<u32>>,
    tick: SpawnHandle,
    restarted_dependencies: Vec<ActorName>,
}

impl Subject {
    fn new(_: &mut Context<Self>, child: ChildContext) -> Self {
        Self {
            child,
            incarnations: 0,
            panics_in_started: 0,
            panics_in_restarting: 0,
            cleanup: Cleanup {
                panics: false,
                stopped: None,
            },
            stays_when_asked_to_stop: false,
            ticks: None,
            tick: SpawnHandle::default(),
            restarted_dependencies: Vec::new(),
        }
    }
}

impl Actor for Subject {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.incarnations += 1;
        if self.panics_in_started > 0 {
            self.panics_in_started -= 1;
            panic!("in started");
        }
        if self.ticks.is_some() {
            self.tick = ctx.run_later(Duration::from_millis(1), |act, _| {
                if let Some(ticks) = &act.ticks {
                    let _ = ticks.send(act.incarnations);
                }
            });
        }
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        self.cleanup.step();
        if self.stays_when_asked_to_stop {
            Running::Continue
        } else {
            Running::Stop
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(stopped) = &self.cleanup.stopped {
            let _ = stopped.send(());
        }
        self.cleanup.step();
    }
}

impl Supervised for Subject {
    fn restarting(&mut self, _: &mut Self::Context) {
        if self.panics_in_restarting > 0 {
            self.panics_in_restarting -= 1;
            panic!("in restarting");
        }
    }
}

/// What an actor does as it ends: in `stopping()`, in `stopped()`, in `Drop`.
struct Cleanup {
    panics: bool,
    /// Told when `stopped()` is called.
    stopped: Option<mpsc::UnboundedSender<()>>,
}

impl Cleanup {
    fn step(&self) {
        assert!(!self.panics, "in the cleanup");
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        self.step();
    }
}

impl Handler<Resync> for Subject {
    type Result = ();

    fn handle(&mut self, resync: Resync, _: &mut Self::Context) {
        self.restarted_dependencies.push(resync.dependency);
    }
}

type Action<R> = Box<dyn FnOnce(&mut Subject, &mut Context<Subject>) -> R + Send>;

/// Does something inside the actor.
#[derive(Message)]
#[rtype(result = "R")]
struct Do<R: 'static>(Action<R>);

impl<R: Send + 'static> Handler<Do<R>> for Subject {
    type Result = actix::MessageResult<Do<R>>;

    fn handle(&mut self, message: Do<R>, ctx: &mut Self::Context) -> Self::Result {
        actix::MessageResult((message.0)(self, ctx))
    }
}

/// Sends at once; the answer is awaited later, or never.
fn tell<R, F>(
    address: &Addr<Subject>,
    action: F,
) -> impl Future<Output = Result<R, MailboxError>> + use<R, F>
where
    R: Send + 'static,
    F: FnOnce(&mut Subject, &mut Context<Subject>) -> R + Send + 'static,
{
    let answer = address.send(Do(Box::new(action)));
    async move { soon(answer).await }
}

async fn crash(address: &Addr<Subject>) {
    assert_eq!(
        tell(address, |_, _| panic!("as told")).await,
        Err::<(), _>(MailboxError::Closed)
    );
}

async fn incarnations(address: &Addr<Subject>) -> Result<u32, MailboxError> {
    tell(address, |act, _| act.incarnations).await
}

/// The next event that is not a first start.
async fn next(events: &mut Events) -> Event {
    loop {
        match soon(events.next()).await {
            Some(Event::Started { .. }) => {}
            Some(event) => return event,
            None => panic!("no events any more"),
        }
    }
}

fn here() -> actix::ArbiterHandle {
    Arbiter::current()
}

/// Notices when everything that holds its other half is gone.
fn token() -> (Arc<()>, impl Fn() -> bool) {
    let token = Arc::new(());
    let gone = {
        let token = Arc::downgrade(&token);
        move || token.strong_count() == 0
    };
    (token, gone)
}

//! `ThreadActor`: keeps one blocking thread running; capture, encoder and drive are of its kind.
//!
//! Blocking work never runs on an arbiter: it would hold up every actor there. So such an actor
//! owns a thread and does nothing but start it again. A crash of the actor leaves the thread
//! running.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tracing::warn;

use super::crash::ASKED_TO;
use crate::messages::PanicNow;
use crate::shared::SharedState;
use porthole_supervise::{Fixed, ThreadContext, ThreadEnded, Worker, supervised};

/// How soon a thread that could not be started is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// What the thread of a [`ThreadActor`] does.
/// What it is made with, the publisher of what it publishes for one, is cloned for each thread;
/// there is one at a time, but for one that hangs.
pub trait Work: Clone + Send + Unpin + 'static {
    /// Runs until the thread's context says to stop; asking it is the heartbeat.
    fn run(&self, shared: &Arc<SharedState>, thread: &ThreadContext);
}

/// Keeps one thread running that does `W`; see the [module](self).
pub struct ThreadActor<W> {
    wired: Fixed<Wired<W>>,
}

struct Wired<W> {
    shared: Arc<SharedState>,
    thread: Worker,
    work: W,
}

impl<W: Work> ThreadActor<W> {
    /// An actor that has yet to start its thread.
    pub fn new(shared: Arc<SharedState>, thread: Worker, work: W) -> Self {
        Self {
            wired: Fixed::new(Wired {
                shared,
                thread,
                work,
            }),
        }
    }

    fn ensure_thread(&mut self, ctx: &mut Context<Self>) {
        let shared = Arc::clone(&self.wired.shared);
        let work = self.wired.work.clone();
        let started = self
            .wired
            .thread
            .ensure(ctx.address().recipient(), move |thread| {
                work.run(&shared, thread);
                Ok::<(), Infallible>(())
            });
        if let Err(why) = started {
            warn!(%why, "a thread is not started yet");
            ctx.run_later(RETRY_AFTER, Self::ensure_thread);
        }
    }
}

impl<W: Work> Actor for ThreadActor<W> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.ensure_thread(ctx);
    }
}

supervised!([W: Work] ThreadActor<W> { wired });

impl<W: Work> Handler<ThreadEnded> for ThreadActor<W> {
    type Result = ();

    fn handle(&mut self, ended: ThreadEnded, ctx: &mut Self::Context) {
        ctx.run_later(ended.restart_after, Self::ensure_thread);
    }
}

impl<W: Work> Handler<PanicNow> for ThreadActor<W> {
    type Result = ();

    fn handle(&mut self, _: PanicNow, _: &mut Self::Context) {
        panic!("{}", ASKED_TO);
    }
}

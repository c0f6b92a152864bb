//! One actor's actix future; a panic in any call into the actor's code is caught here.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use actix::dev::ContextFut;
use actix::{Actor, ActorContext, ActorFuture, Addr, AsyncContext, Context, Supervised};
use futures_util::task::noop_waker_ref;

use super::catch::catch;
use super::event::Cause;

/// The future of a supervised actor, and an address of it, so that the actor does not end for want
/// of addresses (actix would then also refuse to restart it).
pub(super) struct Incarnation<A: Actor<Context = Context<A>>> {
    /// `None` once the end was called.
    future: Option<ContextFut<A, Context<A>>>,
    _address: Addr<A>,
}

/// Up to this many spawn handles are kept from use exactly; see [`retire_handles`].
const RETIRED_EXACTLY: usize = 1_024;

impl<A: Actor<Context = Context<A>> + Supervised> Incarnation<A> {
    pub(super) fn new(future: ContextFut<A, Context<A>>) -> Self {
        Self {
            _address: future.address(),
            future: Some(future),
        }
    }

    /// Runs the actor until it waits. `Ready` when this incarnation is over.
    pub(super) fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<Cause> {
        let Some(future) = &mut self.future else {
            return Poll::Ready(Cause::Stopped);
        };
        match catch(|| Pin::new(future).poll(task)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(Cause::Stopped),
            Err(message) => Poll::Ready(Cause::Panic { message }),
        }
    }

    /// Cancels what the last incarnation spawned and begins the next: `restarting()` is called
    /// here, `started()` by the first poll.
    ///
    /// # Errors
    /// When `restarting()` panics, or one of the cancelled futures does as it is dropped.
    pub(super) fn restart(&mut self) -> Result<(), Cause> {
        let Some(future) = &mut self.future else {
            return Ok(());
        };
        catch(|| {
            let used = future.ctx().spawn(Noop).into_usize();
            // True: the address held here keeps the mailbox connected.
            future.restart();
            retire_handles(future.ctx(), used);
        })
        .map_err(|message| Cause::Panic { message })
    }

    /// Asks the actor to stop, as `ctx.stop()` does.
    pub(super) fn ask_to_stop(&mut self) {
        if let Some(future) = &mut self.future {
            future.ctx().stop();
        }
    }

    /// Ends a crashed actor without asking it to clean up: its state is not to be trusted. Queued
    /// mail is refused.
    pub(super) fn abandon(&mut self) {
        if let Some(mut future) = self.future.take() {
            // Dropping a context that is not terminated polls it once more, into `stopping()` and
            // `stopped()`.
            future.ctx().terminate();
            // Nobody is left to be told of a panic in the actor's `Drop`; the panic hook has logged
            // it.
            let _ = catch(|| drop(future));
        }
    }
}

/// Keeps the next incarnation from the spawn handles of the last one.
///
/// actix numbers futures from 1 in each incarnation, but carries cancellations that a panic left
/// unserved over to the next: an actor that cancels its timer and then panics would find its *new*
/// timer cancelled. The first poll serves them, so handles up to the last one used are spent on
/// futures that do nothing (and cost no allocation: they are zero-sized). Beyond a thousand an
/// exact answer costs too much; half way up, a clash takes a future that was spawned in the middle
/// of a long incarnation and is cancelled just before its end.
fn retire_handles<A: Actor<Context = Context<A>>>(ctx: &mut Context<A>, used: usize) {
    let count = if used <= RETIRED_EXACTLY {
        used
    } else {
        RETIRED_EXACTLY / 2
    };
    for _ in 0..count {
        ctx.spawn(Noop);
    }
}

/// Does nothing, at once.
struct Noop;

impl<A: Actor> ActorFuture<A> for Noop {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        _: &mut A,
        _: &mut A::Context,
        _: &mut TaskContext<'_>,
    ) -> Poll<()> {
        Poll::Ready(())
    }
}

/// The arbiter ends: the actor is stopped in order, as actix would, but with panics caught. A panic
/// in `stopped()` and one in the actor's `Drop` are caught one by one; together, uncaught, they
/// abort the process.
impl<A: Actor<Context = Context<A>>> Drop for Incarnation<A> {
    fn drop(&mut self) {
        let Some(mut future) = self.future.take() else {
            return;
        };
        if future.alive() {
            future.ctx().stop();
            let mut task = TaskContext::from_waker(noop_waker_ref());
            let _ = catch(|| Pin::new(&mut future).poll(&mut task));
        }
        future.ctx().terminate();
        let _ = catch(|| drop(future));
    }
}

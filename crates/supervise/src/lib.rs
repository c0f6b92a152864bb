//! Supervision trees for [actix] actors: an actor that panics or hangs is restarted in place.
//!
//! actix's own `Supervisor` restarts an actor that stops; one that panics is dead for ever, and
//! silently. Here a child runner owns the actor's future, polls it under `catch_unwind` and
//! restarts it: the address stays valid, queued messages are kept, only the message in hand is lost
//! (its sender sees `MailboxError::Closed`).
//!
//! ```
//! use std::time::Duration;
//!
//! use actix::{Actor, Arbiter, Context, Handler, Message};
//! use porthole_supervise::{
//!     ActorName, Backoff, Budget, Event, Fixed, Policy, Supervisor, UntilRestart, supervised,
//! };
//!
//! /// Divides a fixed number, and counts how often.
//! struct Divider {
//!     dividend: Fixed<u32>,
//!     answers: UntilRestart<u32>,
//! }
//!
//! impl Actor for Divider {
//!     type Context = Context<Self>;
//! }
//!
//! supervised!(Divider { dividend, answers });
//!
//! #[derive(Message)]
//! #[rtype(result = "u32")]
//! struct DivideBy(u32);
//!
//! impl Handler<DivideBy> for Divider {
//!     type Result = u32;
//!
//!     fn handle(&mut self, DivideBy(divisor): DivideBy, _: &mut Self::Context) -> u32 {
//!         *self.answers += 1;
//!         *self.dividend / divisor
//!     }
//! }
//!
//! actix::System::new().block_on(async {
//!     let (supervisor, mut events) = Supervisor::new();
//!     let policy = Policy {
//!         budget: Budget { restarts: 5, window: Duration::from_secs(30) },
//!         backoff: Backoff::NONE,
//!     };
//!     let divider = supervisor
//!         .group("math")
//!         .child(&Arbiter::current(), ActorName("divider"), policy)
//!         .start(|_, _| Divider { dividend: Fixed::new(42), answers: UntilRestart::default() });
//!
//!     assert!(divider.send(DivideBy(0)).await.is_err()); // it panics
//!     assert_eq!(divider.send(DivideBy(6)).await, Ok(7)); // and is back
//!     assert!(matches!(events.next().await, Some(Event::Started { .. })));
//!     assert!(matches!(events.next().await, Some(Event::Restarted { .. })));
//! });
//! ```
//!
//! | file | concept |
//! |---|---|
//! | `supervisor` | the tree: a root, its groups, and child specs, which start an actor on an arbiter |
//! | `fields` | what of an actor survives a restart, said by the types of its fields |
//! | `child_runner`, `incarnation` | the loop around one actor; its future between two crashes |
//! | `policy`, `budget` | when to restart and when to give up: plain data, time passed in |
//! | `event`, `channel` | what happened, on a bounded channel to the root |
//! | `resync` | telling dependents that a dependency forgot what they told it |
//! | `progress` | deadlines for asynchronous jobs: a hang is a crash |
//! | `worker`, `thread_context`, `stop` | blocking threads that an actor owns |
//! | `watchdog`, `hang_detector` | noticing an arbiter, or a thread, that no longer runs |
//! | `catch`, `report` | panics as text, panics as log lines |
//!
//! There is one budget per actor and none per group: nested budgets multiply. Past it the root
//! receives [`Event::Escalated`] and ends the process, so that whoever runs it starts it afresh.
//!
//! What an actor has to know: it is the *same value* in every incarnation, so `restarting()` must
//! reset whatever may be half done, see [`supervised!`]; `started()` runs in every incarnation and
//! is where timers and futures are spawned (those spawned in `restarting()` may be cancelled with
//! the old ones); `stopping()` and `stopped()` are called on an orderly end only, never after a
//! crash.

#[doc(hidden)]
pub use actix;

mod budget;
mod catch;
mod channel;
mod child_runner;
mod event;
mod fields;
mod hang_detector;
mod incarnation;
mod policy;
mod progress;
mod report;
mod resync;
mod stop;
mod supervisor;
mod thread_context;
mod watchdog;
mod worker;

pub use budget::Budget;
pub use catch::catch;
pub use channel::Events;
pub use event::{ActorName, Cause, Event, TreePath};
pub use fields::{ActorField, Fixed, Lasting, UntilRestart};
pub use policy::Policy;
pub use porthole_backoff::{Backoff, BadBackoff};
pub use progress::{Job, Progress};
pub use report::install_hook;
pub use resync::Resync;
pub use supervisor::{ChildContext, ChildSpec, Group, Supervisor};
pub use thread_context::ThreadContext;
pub use watchdog::Watchdog;
pub use worker::{StartError, ThreadEnded, ThreadStatus, Worker};

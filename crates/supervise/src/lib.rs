//! Panic-proof restart for actix actors.
//!
//! actix's own `Supervisor` restarts an actor that stops; one that panics is dead for ever, and
//! silently. Here a keeper owns the actor's future, polls it behind a fence and restarts it in
//! place: the address stays valid, queued mail is kept, only the message in hand is lost (its
//! sender sees `MailboxError::Closed`).
//!
//! | file | concept |
//! |---|---|
//! | `supervisor` | the tree: a root, its groups, and `keep`, which starts an actor on an arbiter |
//! | `child_runner`, `incarnation` | the loop around one actor; the fence around its future |
//! | `policy`, `budget` | when to restart and when to give up: plain data, time passed in |
//! | `event`, `channel` | what happened, on a bounded channel to the root |
//! | `resync` | telling younger siblings that an elder forgot what they told it |
//! | `progress` | deadlines for asynchronous jobs: a hang is a crash |
//! | `worker`, `vitals`, `stop` | blocking threads that an actor owns |
//! | `watchdog`, `silence` | noticing an arbiter, or a thread, that no longer turns |
//! | `catch`, `report` | panics as text, panics as log lines |
//!
//! There is one budget per actor and none per group: nested budgets multiply. Past it the root
//! hears [`Event::Escalated`] and ends the process, so that whoever runs it starts it afresh.
//!
//! What an actor has to know: it is the *same value* in every life, so `restarting()` must reset
//! whatever may be half-done; `started()` runs in every life and is where timers and futures are
//! spawned (those spawned in `restarting()` may be swept away with the old ones); `stopping()` and
//! `stopped()` are called on an orderly end only, never after a crash.

mod budget;
mod catch;
mod channel;
mod child_runner;
mod event;
mod incarnation;
mod policy;
mod progress;
mod report;
mod resync;
mod silence;
mod stop;
mod supervisor;
mod vitals;
mod watchdog;
mod worker;

#[cfg(test)]
mod tests;

pub use budget::Budget;
pub use catch::catch;
pub use channel::Events;
pub use event::{ActorName, Cause, Event, TreePath};
pub use policy::Policy;
pub use porthole_backoff::{Backoff, BadBackoff};
pub use progress::{Job, Progress};
pub use report::install_hook;
pub use resync::Resync;
pub use supervisor::{Group, Lifeline, Supervisor};
pub use vitals::Vitals;
pub use watchdog::Watchdog;
pub use worker::{Presence, StartError, ThreadEnded, Worker};

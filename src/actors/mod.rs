//! The actors: thin shells over the cores, one file each.
//!
//! Each file opens with what the actor owns, how it restarts and what it loses when it does. A
//! restarted actor is the same value, so the type of each field says how long it lasts: what the
//! actor is made with is `Fixed`, what it owns is `UntilRestart`, and what has to survive a crash
//! of it is `Lasting` or is in [`shared`](crate::shared). `supervised!` checks that none is
//! forgotten.
//!
//! No actor knows another: they send [`messages`](crate::messages) to recipients that the
//! [`tree`](crate::tree) hands out.

pub mod capture;
mod crash;
pub mod discovery;
pub mod drive;
pub mod election;
pub mod encoder;
mod entropy;
pub mod http;
pub mod lan;
pub mod registry;
pub mod router;
mod thread;

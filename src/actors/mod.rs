//! The actors: thin shells over the cores, one file each.
//!
//! Each file opens with what the actor owns, how it restarts and what it loses when it does. An
//! actor is the same value in every life, so what it owns stands in one `life` field that
//! `restarting` throws away; what must last stands in the [`shared`](crate::shared).

pub mod capture;
pub mod crash;
pub mod discovery;
pub mod drive;
pub mod election;
pub mod encoder;
pub mod http;
pub mod lan;
pub mod registry;
pub mod router;
pub mod thread;

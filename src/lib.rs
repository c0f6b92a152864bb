//! Porthole: several cameras behind one ordinary router, reached from anywhere at one URL.
//!
//! Start reading at [`tree`]: it is the program drawn as a supervision tree. Every folder beside it
//! is either a *core* (plain data and functions, no actor, no clock of its own) or a thin *shell*
//! that runs a core's effects ([`actors`], [`http`], [`commands`]). `ARCHITECTURE.md` has the map.

#[cfg(panic = "abort")]
compile_error!("Porthole restarts what panics, so it must be built with panic = \"unwind\"");

pub mod actors;
pub mod auth;
pub mod commands;
pub mod discovery;
pub mod durable;
pub mod fleet;
pub mod http;
pub mod lan;
pub mod messages;
pub mod metrics;
pub mod settings;
pub mod shared;
pub mod site;
pub mod tls;
pub mod tree;

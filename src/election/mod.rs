//! The rules of who is representative, sans-IO.
//!
//! Nothing here owns a clock, a socket, a thread or a source of randomness: [`step()`] takes the state,
//! what happened and what time it is, and returns the new state and what to do about it. The same
//! function runs in the program, in the property tests and in a model checker.
//!
//! It reads in two halves. An [`Event`] changes what is known ([`step()`]); from what is known, the
//! plan says the one request to make next. Because effects are derived from the state and not
//! remembered beside it, forgetting them (a crash) costs nothing: they are derived again.
//!
//! The router is the judge (`ARCHITECTURE.md`): whoever the representative port is mapped to is the
//! representative, and a holder counts its own deadline from when it *sent* the last renewal that
//! succeeded, so that it stops believing before the router lets anybody else in.
//!
//! Source: seed Fig. 3 steps 8 to 14 (¶42, ¶43) and claims 1 and 17. Rotation proper (claims 9 to
//! 15) grows here: new events, new rules, the same `step`.

mod cell;
mod chance;
mod event;
mod hearing;
mod moment;
mod outlook;
mod plan;
mod pursuit;
mod rules;
mod state;
mod step;
mod succession;
#[cfg(test)]
mod tests;
mod turn;
mod watch;
mod word;

pub use cell::RoleCell;
pub use chance::Chance;
pub use event::{Before, Effect, Event, Kin, Owner, Peer, Seen, To, Whose};
pub use moment::Moment;
pub use outlook::{Heir, Outlook};
pub use pursuit::{Grave, Pursuit, Vacancy};
pub use rules::{Lan, Rules};
pub use state::{
    Holding, Memory, Office, PeerSeen, Request, Role, Router, Squatter, Squeeze, State, Stay,
};
pub use step::step;
pub use watch::Watch;
pub use word::{Bid, Cause, Post, Word};

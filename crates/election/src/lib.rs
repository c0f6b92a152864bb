//! The rules of who is representative, sans-IO.
//!
//! Nothing here owns a clock, a socket, a thread or a source of randomness: [`step()`] takes the state,
//! what happened and what time it is, and returns the new state and what to do about it. The same
//! function runs in the program, in the property tests and in a model checker.
//!
//! It reads one sentence a file. An [`Event`] changes what is known (`step`): an answer of the router (`answers`) takes or
//! ends the `office`, or shows who stands in the way (`grave`); a word of another server is heard (`hearing`); silence is
//! noticed (`watch`). A vacant office has an order of `succession`. From what is known, the `plan` says the one request to make
//! next. Because effects are derived from the state and not remembered beside it, forgetting them (a crash)
//! costs nothing: they are derived again.
//!
//! The router is the judge (`ARCHITECTURE.md`): whoever the representative port is mapped to is the
//! representative, and a holder counts its own deadline from when it *sent* the last renewal that
//! succeeded, so that it stops believing before the router lets anybody else in. Words on the LAN only say when to try,
//! and who goes first.
//!
//! Source: seed Fig. 3 steps 8 to 14 (¶42, ¶43), Fig. 11 to 14 (¶68 to ¶83), claims 1, 9 to 15 and 17;
//! `docs/design/rotation.md`.

mod answers;
mod chance;
mod config;
mod event;
mod exposure;
mod grave;
mod hearing;
mod moment;
mod office;
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

pub use chance::Chance;
pub use config::{Detection, MissedLimit, Succession};
pub use event::{Before, Effect, Event, Kin, Owner, Peer, Seen, To, Whose};
pub use exposure::Exposure;
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

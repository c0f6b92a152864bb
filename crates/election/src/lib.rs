//! The rules of who is representative, sans-IO.
//!
//! Nothing here owns a clock, a socket, a thread or a source of randomness: [`step()`] takes the
//! state, what happened and what time it is, and returns the new state and what to do about it. The
//! same function runs in the program, in the property tests and in a model checker.
//!
//! It reads one sentence a file. An [`Event`] changes what is known (`step`): a reply of the router
//! (`on_router_reply`) begins or ends `leadership`, or shows a mapping in the way
//! (`stale_mapping`); a message of another server is taken in (`on_message`); silence is noticed
//! (`failure_detector`). Where nobody leads there is an order of `succession`, and each server a
//! `candidacy`. From what is known, the `plan` says the one request to make next. Because effects
//! are derived from the state and not remembered beside it, forgetting them (a crash) costs
//! nothing: they are derived again.
//!
//! The router is the judge (`ARCHITECTURE.md`): whoever the representative port is mapped to is the
//! representative, and a holder counts its own deadline from when it *sent* the last renewal that
//! succeeded, so that it stops believing before the router lets anybody else in. Messages on the
//! LAN only say when to try, and who goes first.
//!
//! Source: seed Fig. 3 steps 8 to 14 (¶42, ¶43), Fig. 11 to 14 (¶68 to ¶83), claims 1, 9 to 15 and
//! 17; `docs/design/rotation.md`.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;

mod adopt;
mod candidacy;
mod config;
mod context;
mod entropy;
mod event;
mod failure_detector;
mod leader_view;
mod leadership;
mod ledger;
mod message;
mod on_message;
mod on_router_reply;
mod peer;
mod plan;
mod refusal;
mod remaking;
mod remote_access;
mod request;
mod rules;
mod setback;
mod stale_mapping;
mod state;
mod step;
mod succession;
mod survey;
#[cfg(test)]
mod tests;
mod timestamp;

pub use candidacy::{Candidacy, StaleMapping, Vacancy};
pub use config::{Detection, MissedLimit, RemoteAccess, Succession};
pub use entropy::Entropy;
pub use event::{
    Destination, Effect, Event, Evidence, Ownership, PriorEntry, Renewal, Shown, SurveyExtent,
};
pub use failure_detector::FailureDetector;
pub use leader_view::{LeaderView, Successor};
pub use ledger::{Asked, Ledger};
pub use message::{Cause, ClaimStage, ElectionMessage, FormerRole};
pub use peer::{Owner, OwnerKind, Peer};
pub use request::Request;
pub use rules::{LanMessaging, Rules};
pub use state::{
    ForeignHolder, InnerPorts, Leadership, Lifecycle, ListTrust, MakeRoom, Memory, OwnMapping,
    PeerReport, Refusals, Renewals, Role, RouterStatus, State,
};
pub use step::step;
pub use timestamp::Timestamp;

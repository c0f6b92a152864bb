//! Who may watch, who may change things, and how they prove it.
//!
//! | file | what |
//! |---|---|
//! | `access` | viewer and admin |
//! | `claims`, `signer` | sessions, tokens and passes: what a signed text says, and whether it still counts |
//! | `password`, `first_start` | hashes, and the password that a camera without one makes for itself |
//! | `throttle` | guesses, slowed down |
//! | `proven` | credentials that were right a moment ago: players send theirs with each request |
//! | `authority` | all of it together: the only file here with a clock, threads and locks |
//!
//! Nothing here knows HTTP. What all cameras of a site have to agree on (new passwords, ended
//! sessions) stands in [`crate::site::AuthState`].

mod access;
mod authority;
mod claims;
mod first_start;
mod password;
mod proven;
mod signer;
mod throttle;

pub use access::Access;
pub use authority::{Authority, Reach, Refused, Wanted, WantedViewer, new_id, unix_now};
pub use claims::{Claims, Purpose, Rejected};
pub use first_start::{FirstStart, Own, Unmade};
pub use password::{NotAllowed, allowed};
pub use signer::Signer;

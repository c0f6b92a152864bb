//! What all cameras of a site have to agree on without anybody who decides: passwords and ended
//! sessions.
//!
//! Each camera keeps the same small set of [`AuthState`]; two sets are merged into one by a
//! function that does not care for order or repetition, so that whoever hears of anything, from
//! anybody, in any order, ends with the same set. The LAN carries them (sealed with the site's key,
//! and only where there is one), the state file keeps them.

mod auth_state;
mod cell;
mod key;

pub use auth_state::{AuthState, MOST_REVOKED, Passwords, SessionId};
pub use cell::AuthStateCell;
pub use key::{HmacSha256, derived, keyed};

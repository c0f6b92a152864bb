//! What all cameras of a site have to agree on without anybody who decides: passwords and ended
//! sessions ([`AuthState`]), and the keys that are derived from the site's secret.
//!
//! Each camera keeps a copy of the [`AuthState`]. Two copies are merged by a function that does not
//! care for order or repetition, so that whoever hears of anything, from anybody, in any order,
//! ends with the same. The LAN carries it (sealed with the site's key, and only where there is one,
//! `lan::anti_entropy`), the state file keeps it.

mod auth_state;
mod ended;
mod generation;
mod key;
mod passwords;
mod session_id;
mod shared_auth_state;

pub use auth_state::AuthState;
pub use ended::{Ended, MAX_ENDED};
pub use generation::Generation;
pub use key::{HmacSha256, derived, expanded, keyed};
pub use passwords::Passwords;
pub use session_id::SessionId;
pub use shared_auth_state::SharedAuthState;

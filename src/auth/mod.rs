//! Who may watch, who may change things, and what shows it.
//!
//! | file | decides |
//! |---|---|
//! | [`authority`] | whether credentials, sessions, tokens and tickets count: all below together |
//! | [`access`] | what there is to be allowed: viewer and admin |
//! | [`claims`] | what a session, token or ticket says; whether it is expired or revoked |
//! | [`client`] | which addresses are one client's |
//! | [`signer`] | whether a text was signed by a camera of this site |
//! | [`password`] | whether a password is right, and whether it may be a new one |
//! | [`stored_password`] | which hash a user's password is compared with |
//! | [`hashing`] | when a password may be hashed: one at a time |
//! | [`fair_queue`] | who waits for it, and who is next |
//! | [`credential_cache`] | whether a password was right a moment ago (players send it often) |
//! | [`throttle`] | whether an address has to wait after wrong attempts |
//! | [`known_devices`] | whether a device that logged in from there is looked at all the same |
//! | [`attempt`] | the same with clock and lock |
//! | [`used_tickets`] | whether an entry ticket was redeemed before |
//! | [`local_secrets`] | which admin password counts where nobody has set one |
//! | [`log_outs`] | how many viewers' sessions a client may end |
//! | [`lost_state`] | what counts where the state file could not be used: nothing |
//! | [`login_error`] | what a refused login is told |
//!
//! Nothing here knows HTTP: a request's way to a yes or no begins in `http::access`. What
//! all cameras of a site have to agree on (new passwords, ended sessions) is
//! [`crate::site::AuthState`].

mod access;
mod attempt;
mod authority;
mod claims;
mod client;
mod credential_cache;
mod fair_queue;
mod hashing;
mod known_devices;
mod local_secrets;
mod lock;
mod log_outs;
mod login_error;
mod lost_state;
mod password;
mod signer;
mod stored_password;
mod throttle;
mod unix_time;
mod used_tickets;

pub use access::Access;
pub use authority::{Authority, LoginScope, LoginSource, PasswordChange, ViewerPasswordChange};
pub use claims::{Claims, ClaimsError, Purpose};
pub use local_secrets::{FirstPassword, FirstPasswordError, LocalSecrets};
pub use login_error::LoginError;
pub use lost_state::LostState;
pub use password::{NewPasswordError, check_new_password};
pub use signer::Signer;
pub use unix_time::unix_now;

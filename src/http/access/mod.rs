//! Login over HTTP: who sends a request and may do what; how people come to a session, programs to
//! a token, pages to a ticket.
//!
//! **A request's way to a yes or no**, and where to look for a bug:
//!
//! | | where | decides | a no is |
//! |---|---|---|---|
//! | 1 | `http::admission` | whether the connection has a place, and speaks TLS in time | closed |
//! | 2 | `http::host` | whether the request is for this camera (`Host`) | 421, 400 |
//! | 3 | [`caller::AuthPolicy`] | what this path wants to know of its caller | |
//! | 4 | [`mod@authenticate`] | which credential counts, and so who the caller is | [`Denied`] |
//! | 5 | [`crate::auth::Authority`] | whether that credential counts now | to 4 |
//! | 6 | `http::guard::admit` | whether such a caller may come in at all | 401, `/login` |
//! | 7 | `http::guard::*_only` | what a route asks for besides: LAN, admin, own page | 403 |
//! | 8 | [`session::renew`] | whether the session in the cookie is extended | |
//!
//! The errors of step 5 are [`LoginError`](crate::auth::LoginError) for passwords and
//! [`ClaimsError`](crate::auth::ClaimsError) for what is signed; what their sender is told, and in
//! which form, is [`denied`].
//!
//! How a caller comes by a credential:
//!
//! | file | what |
//! |---|---|
//! | [`login`] | `/login` and `/logout` |
//! | [`session`] | the cookie |
//! | [`tokens`], [`passwords`] | `/api/v1/tokens`, `/api/v1/passwords` |
//! | [`cross_camera`] | tickets, `/visit/{id}`, `/enter`: to cameras that a cookie does not reach |

pub mod authenticate;
pub mod caller;
pub mod cross_camera;
pub mod denied;
pub mod login;
pub mod passwords;
mod session;
pub mod tokens;

pub use authenticate::authenticate;
pub use caller::{AuthPolicy, Caller, Credential};
pub use cross_camera::CrossCameraLogin;
pub use denied::Denied;
pub use session::{COOKIE_PREFIX, renew, secure_cookies};

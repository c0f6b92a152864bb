//! Login over HTTP: who asks, and how people come to a session, programs to a token, pages to a pass.
//!
//! | file | what |
//! |---|---|
//! | `guest` | who asks, by cookie, header or pass; what somebody without leave is told |
//! | `session` | the cookie |
//! | `login` | `/login` and `/logout` |
//! | `tokens`, `passwords` | `/api/v1/tokens`, `/api/v1/passwords` |
//! | `passage` | from one camera to the next on the LAN, where a cookie does not reach: passes, `/visit/{id}`, `/enter` |

pub mod guest;
pub mod login;
pub mod passage;
pub mod passwords;
mod session;
pub mod tokens;

pub use guest::{Guest, Proof};
pub use passage::Passage;
pub use session::renew;

//! Login over HTTP: who asks, and how people come to a session, programs to a token, pages to a
//! pass.
//!
//! | file | what |
//! |---|---|
//! | `caller` | who asks, by cookie, header or pass; what somebody without leave is told |
//! | `session` | the cookie |
//! | `login` | `/login` and `/logout` |
//! | `tokens`, `passwords` | `/api/v1/tokens`, `/api/v1/passwords` |
//! | `cross_camera` | from one camera to the next on the LAN, where a cookie does not reach: passes, `/visit/{id}`, `/enter` |

pub mod caller;
pub mod cross_camera;
pub mod login;
pub mod passwords;
mod session;
pub mod tokens;

pub use caller::{Caller, Credential};
pub use cross_camera::CrossCameraLogin;
pub use session::renew;

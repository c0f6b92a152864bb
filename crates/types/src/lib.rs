//! The words that every part of Porthole shares.
//!
//! Plain values: nothing here reads a clock, opens a socket or draws a random number.

mod bounded;
mod choice;
mod ids;
mod name;
mod ports;
mod schema;

pub use bounded::forget_oldest;
pub use choice::Choice;
pub use ids::{BadInstanceId, BootId, InstanceId, Term};
pub use name::{BadName, MAX_NAME, Name, is_unseen};
pub use ports::{ExternalPort, InternalPort, PortRange};

//! What the servers say to each other on the LAN.
//!
//! Today each server *reports* itself at every heartbeat, unasked (¶47, ¶64), over multicast. The
//! other messages of the rotation (inquiry, claim, withdrawal, probe), the other transports and the
//! site key's signature come into this folder beside it. Until a site key signs them, reports come
//! from a LAN that is trusted: they name a camera and say what it is doing, they move no office.

pub mod interface;
mod message;
mod multicast;

pub use message::{MAX_DATAGRAM, Rejected, Report};
pub use multicast::{Group, open};

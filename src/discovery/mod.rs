//! The LAN's mDNS (RFC 6762, RFC 6763): what this server registers there, and what it reads of the
//! others. Without a daemon, a socket or a clock; `actors::discovery` runs it.
//!
//! Each server has two entries. `_porthole._tcp` is for the servers among themselves: its name is
//! the identity, which never changes. `_http._tcp` is for people with a browser of the network: its
//! name is the camera's.
//!
//! Nothing in mDNS is signed. What is read here is a hint: it may fill a page where nothing better
//! is known, and it never makes anybody believe anything.

mod announcement;
mod link;
mod mdns_record;

pub use announcement::{Announcement, Changes, Service, TxtKey};
pub use link::{SelfCheck, has_link};
pub use mdns_record::{Resolved, advertised_server, id_of};

use porthole_types::InstanceId;

/// The service type of the servers among themselves.
pub const PORTHOLE: &str = "_porthole._tcp.local.";

/// The service type of web servers.
pub const HTTP: &str = "_http._tcp.local.";

/// The first label of a server's entry among the servers, and of its host.
pub fn label(id: InstanceId) -> String {
    format!("porthole-{id}")
}

/// The full name of that entry, with type and domain.
pub fn fullname(id: InstanceId) -> String {
    format!("{}.{PORTHOLE}", label(id))
}

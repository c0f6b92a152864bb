//! Port mapping on the router: the UPnP Internet Gateway Device (IGD) of the seed's "repeater"
//! (¶36).
//!
//! A library of its own: pure cores (`lease_fallback`, `class`, `countdown`, `preference`,
//! `address`, `table`, `xml`) and input/output on tokio (`ssdp`, `igd`), no actor in it.
//! What callers use are [`discover`], which finds the router, and [`verified`], which writes to it
//! and believes only what it reads back: replies lie, and the codes of refusals differ from router
//! to router.

pub mod action;
pub mod address;
pub mod by_hand;
pub mod class;
pub mod countdown;
pub mod description;
pub mod device;
pub mod entry;
pub mod error;
pub mod igd;
pub mod lease_fallback;
pub mod poll;
pub mod preference;
pub mod soap;
mod soap_transport;
pub mod ssdp;
pub mod table;
pub mod verified;
pub mod xml;

#[cfg(test)]
mod canned;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use porthole_backoff::Backoff;
use serde::Serialize;

use porthole_types::ExternalPort;

pub use action::Action;
pub use address::{AddressKind, ExternalAddress};
pub use class::{DeleteRight, RouterClass, RouterLessons};
pub use countdown::Countdowns;
pub use description::Description;
pub use device::ServiceType;
pub use entry::{Entry, Protocol};
pub use error::Error;
pub use igd::Igd;
pub use lease_fallback::LeaseFallback;
pub use poll::{Polled, Scope, poll};
pub use preference::{Choice, Preference};
pub use ssdp::{Found, SSDP_PORT, Search, discover};
pub use table::{Extent, Table};

/// How long to wait before a router is looked for again: a random part of at most a quarter is taken
/// off, so that servers do not all come back at once.
pub const SEARCH_AGAIN: Backoff =
    match Backoff::new(Duration::from_secs(2), Duration::from_mins(5), 25) {
        Ok(backoff) => backoff,
        Err(_) => panic!("the waits are in order"),
    };

/// For how long a mapping is asked for or granted (UPnP `NewLeaseDuration`, where 0 is permanent).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lease {
    /// Until somebody deletes it, or the router forgets it.
    Permanent,
    /// For so many seconds, unless renewed.
    Seconds(NonZeroU32),
}

impl Lease {
    /// The lease of this many seconds; 0 is permanent.
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Self {
        match NonZeroU32::new(seconds) {
            Some(seconds) => Self::Seconds(seconds),
            None => Self::Permanent,
        }
    }

    /// Seconds as they go over the wire; 0 is permanent.
    #[must_use]
    pub const fn as_seconds(self) -> u32 {
        match self {
            Self::Permanent => 0,
            Self::Seconds(seconds) => seconds.get(),
        }
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permanent => f.write_str("permanent"),
            Self::Seconds(seconds) => write!(f, "{seconds} s"),
        }
    }
}

/// One TCP mapping as it is asked of the router (UPnP `AddPortMapping`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingRequest {
    /// The port on the Internet side.
    pub external: ExternalPort,
    /// Where the router is to forward it: this server's own LAN address and port.
    pub internal: SocketAddrV4,
    /// For how long.
    pub lease: Lease,
    /// What the router is to show for it.
    pub description: Description,
}

/// Whether a router is the one that this machine's packets to the Internet go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// It is the default gateway.
    Default,
    /// It is another device on the LAN, or the default gateway is not known.
    Other,
}

/// Which router this is, as far as it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Its own name and model, allow-listed characters only, at most 64.
    pub name: String,
    /// Its address on the LAN: the one that answered the search, and the only one ever asked.
    pub address: Ipv4Addr,
    /// The service that does the mapping.
    pub service: ServiceType,
    /// Whether it is the default gateway.
    pub route: Route,
}

/// Whether the router's Internet side is up (UPnP `ConnectionStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Connection {
    /// `Connected`.
    Up,
    /// Any other state it names.
    Down,
    /// It does not say.
    Unknown,
}

/// What the router says about itself (UPnP `GetStatusInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its Internet side.
    pub connection: Connection,
    /// Seconds its connection has been up. When this goes down, the router restarted: its table
    /// may be gone.
    pub uptime_seconds: Option<u64>,
}

/// A router that maps ports, as it claims to: one request, one answer, no checking of its word.
/// [`verified`] does the checking.
///
/// Every call ends within [`igd::REQUEST_TIME`] per request that it makes.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Which router this is.
    fn identity(&self) -> &Identity;

    /// The address that the router says the Internet reaches it at (`GetExternalIPAddress`).
    async fn external_address(&self) -> Result<ExternalAddress, Error>;

    /// Ask for a mapping, or renew one's own (`AddPortMapping`).
    async fn add(&self, request: &MappingRequest) -> Result<(), Error>;

    /// Delete the TCP mapping of a port (`DeletePortMapping`).
    async fn delete(&self, port: ExternalPort) -> Result<(), Error>;

    /// The TCP mapping of a port, or nothing where the port is free (`GetSpecificPortMappingEntry`,
    /// or the table on routers without it). `Refused` with code 606 when the router hides it
    /// from us.
    async fn entry(&self, port: ExternalPort) -> Result<Option<Entry>, Error>;

    /// All mappings that the router shows.
    async fn table(&self) -> Result<Table, Error>;

    /// Whether its Internet side is up, and since when (`GetStatusInfo`).
    async fn status(&self) -> Result<Status, Error>;
}

/// Told of every request made to a router, so that it can be counted.
pub trait Observer: Send + Sync {
    /// A request ended: well, or with the label of its [`Error::code`]. "There is no such entry" is
    /// an answer, not a failure.
    fn request(&self, action: Action, result: Result<(), &'static str>);
}

/// Counts nothing, for callers that have nothing to count with.
impl Observer for () {
    fn request(&self, _: Action, _: Result<(), &'static str>) {}
}

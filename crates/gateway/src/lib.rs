//! Port mapping on the router: the UPnP Internet Gateway Device (IGD) of the seed's "repeater"
//! (¶36).
//!
//! A library of its own: pure cores (`lease_fallback`, `capabilities`, `countdown`, `preference`,
//! `address`, `budget`, `reading`, `table`, `xml`) and input/output on tokio (`ssdp`, `igd`), no
//! actor in it. What callers use are [`discover`] and [`Finder`], which find the router, and
//! [`verified`], which writes to it and believes only what it reads back: replies lie, and the
//! codes of refusals differ from router to router.

pub mod action;
pub mod address;
mod answer_time;
pub mod budget;
pub mod capabilities;
pub mod countdown;
pub mod description;
pub mod device;
pub mod entry;
pub mod error;
#[cfg(test)]
mod fake_http;
mod gateway;
mod http_exchange;
mod identity;
pub mod igd;
mod lease;
pub mod lease_fallback;
pub mod manual_deletion;
pub mod poll;
pub mod preference;
pub mod reading;
mod request_queue;
pub mod soap;
mod soap_transport;
pub mod ssdp;
mod status;
pub mod table;
pub mod verified;
pub mod xml;

use std::time::Duration;

use porthole_backoff::Backoff;

pub use action::Action;
pub use address::{AddressKind, ExternalAddress};
pub use budget::{Budget, RequestKind};
pub use capabilities::{
    ClientForm, DeleteRight, Granted, RouterCapabilities, RouterClass, Showing,
};
pub use countdown::Countdowns;
pub use description::Description;
pub use device::ServiceType;
pub use entry::{MappingEntry, Protocol, Whose};
pub use error::Error;
pub use gateway::{Gateway, MappingRequest, Observer};
pub use identity::{DiscoveredRouter, Identity, Route};
pub use igd::Igd;
pub use lease::Lease;
pub use lease_fallback::LeaseFallback;
pub use poll::{PollResult, PollScope, poll};
pub use preference::{Preference, RouterChoice};
pub use reading::Reading;
pub use request_queue::{MOST_WAITING, QueueFull, RequestQueue};
pub use ssdp::{Finder, SSDP_PORT, Search, discover};
pub use status::{Connection, Status};
pub use table::{Extent, Table};

/// How long to wait before a router is looked for again: a random part of at most a quarter is
/// taken off, so that servers do not all come back at once.
pub const SEARCH_AGAIN: Backoff =
    match Backoff::new(Duration::from_secs(2), Duration::from_mins(5), 25) {
        Ok(backoff) => backoff,
        Err(_) => panic!("the waits are in order"),
    };

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;

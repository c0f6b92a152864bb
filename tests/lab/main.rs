//! The program in the lab: real cameras behind the real router daemon, seen from outside and from
//! the LAN.
//!
//! `docs/guide/lab.md` tells how to run this and what it needs. Without root the tests print that
//! they were skipped.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod avahi;
mod crash_safety;
mod departures;
mod eviction;
mod figures;
mod first_light;
mod mdns_link;
mod plumbing;
mod port_modes;
mod rotation;
mod table_only;
mod testbed;
mod transports;
mod troubles;
mod two_routers;
mod visitors;

//! Whoever means ill, from many addresses: the real binary under each kind of abuse over HTTP.
//! While it goes on, somebody who has logged in gets the page; after it the server is as it was.
//!
//! All addresses are of 127.0.0.0/8, which is the LAN to a camera: what holds here holds without
//! the room that is kept from strangers. `cargo test --test abuse -- --nocapture` prints the
//! figures of `docs/ref/reliability.md`.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

#[path = "../start_up/people.rs"]
#[allow(dead_code, reason = "it is shared with the tests of the start-up")]
mod people;
#[path = "../support/mod.rs"]
mod support;
#[path = "../start_up/testbed.rs"]
#[allow(dead_code, reason = "it is shared with the tests of the start-up")]
mod testbed;

mod attacker;
mod bystander;
mod connections;
mod heartbeats;
mod memory;
mod seats;

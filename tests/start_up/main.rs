//! The program at its start, and what routers, disks and people do to it: the real binary against
//! the simulated router.
//!
//! Every test has a piece of 127.0.0.0/8 of its own, with a router, a line to the Internet and
//! cameras on it, so that it needs neither rights nor namespaces and meets no other test. The real
//! router is in `tests/lab/troubles.rs`.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod camera;
mod curl;
mod dead;
mod disk;
mod doctor;
mod ends;
mod fading;
mod garbage;
mod headers;
mod lan;
mod leases;
mod line;
mod listen_ports;
mod login;
mod names;
mod nginx;
mod ownership;
mod peer;
mod people;
mod proxies;
mod recordings;
mod remote_access;
mod rotation;
mod scale;
mod settings;
mod site;
mod strangers;
mod table;
mod testbed;
mod tls;
mod tools;
mod traits;

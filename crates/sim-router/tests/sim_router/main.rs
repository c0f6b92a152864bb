//! The simulated router, driven over real sockets: by igd-next, an independent client, and by raw
//! HTTP from chosen addresses (igd-next cannot choose where it connects from, and secure mode looks
//! at just that).

#![allow(
    clippy::unwrap_used,
    reason = "in a test, what cannot go wrong fails it when it does; helpers count as no test"
)]

mod discovery;
mod eviction;
mod forwarding;
mod life;
mod mapping;
mod quirks;
mod support;
mod warnings;

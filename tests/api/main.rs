//! The REST API as others see it: Schemathesis with the API's own description, the examples of its
//! reference run by curl, Prometheus with the list of targets, and naming cameras from anywhere.
//!
//! The cameras are the real program in a simulated testbed on loopback.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../start_up/testbed.rs"]
#[allow(
    dead_code,
    reason = "the testbed has more to offer than these tests need"
)]
mod testbed;

mod examples;
mod fleet;
mod names;
mod schemathesis;
mod strangers;
mod targets;
mod transcript;

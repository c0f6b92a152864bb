//! The program in the lab: real cameras behind the real router daemon, seen from outside and from the LAN.
//!
//! `docs/guide/lab.md` tells how to run this and what it needs. Without root the tests print that they were skipped.

#[path = "../support/mod.rs"]
mod support;

mod plumbing;

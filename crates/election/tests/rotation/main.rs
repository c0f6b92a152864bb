//! Rotation, proved as far as it can be: thousands of sites with everything going wrong, all
//! of them running the program's own rules (`porthole_election::step`), and the invariants of
//! `docs/design/rotation-proof.md` over each.
//!
//! `make simulate SEEDS=100000` runs more of them; `make simulate SEED=17` runs one again, with its
//! whole trace.

// Tables of cases; `who` and `knew`.
#![allow(clippy::match_same_arms, clippy::similar_names, clippy::too_many_lines)]
#![allow(
    clippy::disallowed_methods,
    reason = "what a run took is printed; the rules themselves see no clock"
)]

mod client;
mod config;
mod fake_router;
mod faults;
mod hours;
mod invariants;
mod model;
mod mutants;
mod seeds;
mod server;
mod trace;
mod wire;
mod world;

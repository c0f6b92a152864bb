//! Whole programs against every quirk of the simulated router, measured in heartbeats and leases;
//! what comes out is `docs/ref/routers.md`.
//!
//! Each row has a router, a group for messages and addresses of its own on loopback. All rows run
//! at the same time. `PORTHOLE_ROWS=secure,overwrite` runs these alone and shows more of them;
//! `PORTHOLE_WRITE=1` writes the document; `PORTHOLE_LEASES=50` looks on for so many leases.

// Clippy lets only the test functions themselves unwrap; all of this is tests.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod expected;
mod history;
mod outcome;
mod quirks;
mod report;
mod run;
mod site;

use std::thread;

use expected::Expected;
use outcome::Outcome;

/// Rows that run at the same time: what two cores bear without heartbeats that come late.
const AT_ONCE: usize = 40;

/// The rows to run: all, or those that the environment names.
fn chosen() -> Option<Vec<String>> {
    let names = std::env::var("PORTHOLE_ROWS").ok()?;
    Some(
        names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
    )
}

#[test]
fn every_router_leads_to_one_representative_and_keeps_no_port_that_nobody_needs() {
    for name in expected::LESS.iter().map(|expected| expected.quirk) {
        let known = quirks::all().any(|quirk| quirk.name == name);
        assert!(known, "expected.rs has a row for {name}, which is no quirk");
    }
    let chosen = chosen();
    let is_chosen = |name: &str| {
        chosen
            .as_ref()
            .is_none_or(|names| names.iter().any(|one| one == name))
    };
    let rows: Vec<_> = quirks::all()
        .zip(0..)
        .filter(|(quirk, _)| is_chosen(quirk.name))
        .collect();
    assert!(!rows.is_empty(), "no quirk has a name of PORTHOLE_ROWS");
    let turns = site::Turns::new(AT_ONCE);
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        // The last rows first: on those routers that are hard to find it takes longest.
        let running: Vec<_> = rows
            .iter()
            .rev()
            .map(|(quirk, number)| {
                let (turns, number) = (&turns, *number);
                let row = move || {
                    let _turn = turns.take();
                    run::run(quirk, &Expected::of(quirk.name), number)
                };
                thread::Builder::new()
                    .name(quirk.name.to_owned())
                    .spawn_scoped(scope, row)
                    .unwrap()
            })
            .collect();
        let ended = running.into_iter().rev().zip(&rows);
        ended
            .map(|(row, (quirk, _))| {
                row.join()
                    .unwrap_or_else(|why| Outcome::broken(quirk, &*why))
            })
            .collect()
    });
    report::show(&outcomes, chosen.is_some());
    let mut failures: Vec<_> = outcomes.iter().flat_map(Outcome::told_failures).collect();
    failures.extend(report::document(&outcomes, chosen.is_some()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

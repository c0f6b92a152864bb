//! Many seeds, each a site; the first that breaks an invariant is printed, with how to run it
//! again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::config::Config;
use super::invariants::{Broken, Overlaps};
use super::mutants::Mutant;
use super::trace::Keep;
use super::world::{Outcome, World};

/// How many lines of a failing seed are printed: what led to it, as a rule.
const LAST_LINES: usize = 60;

/// One seed.
pub fn run(seed: u64, mutant: Mutant, keep: Keep) -> Outcome {
    World::new(Config::of(seed), mutant, keep).run()
}

/// What a failing seed has to say for itself.
fn story(seed: u64, broken: &Broken) -> String {
    let again = run(seed, Mutant::None, Keep::Lines);
    let from = again.lines.len().saturating_sub(LAST_LINES);
    format!(
        "{}\n…\n{}\n\n{broken}\nagain, with the whole trace: make simulate SEED={seed}\n",
        again.config,
        again.lines[from..].join("\n"),
    )
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn the_invariants_hold_whatever_goes_wrong() {
    if let Some(seed) = number("PORTHOLE_SEED") {
        let outcome = run(seed, Mutant::None, Keep::Lines);
        println!("{}\n{}", outcome.config, outcome.lines.join("\n"));
        println!("{:?}", outcome.summary);
        assert_eq!(outcome.broken, None);
        return;
    }
    let seeds = number("PORTHOLE_SEEDS").unwrap_or(2_000);
    let first = number("PORTHOLE_FIRST_SEED").unwrap_or(0);
    let next = AtomicU64::new(first);
    let broken: Mutex<Vec<(u64, Broken)>> = Mutex::default();
    let totals: Mutex<Totals> = Mutex::default();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    let outcome = run(seed, Mutant::None, Keep::Hash);
                    totals.lock().unwrap().add(&outcome);
                    if let Some(what) = outcome.broken {
                        broken.lock().unwrap().push((seed, what));
                    }
                }
            });
        }
    });
    let totals = totals.into_inner().unwrap();
    println!("{seeds} seeds from {first}: {totals}");
    let mut broken = broken.into_inner().unwrap();
    broken.sort_by_key(|(seed, _)| *seed);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, what) in &broken {
        *kinds.entry(what.invariant).or_default() += 1;
    }
    println!("broken: {kinds:?}");
    for (seed, what) in broken.iter().take(100) {
        let config = Config::of(*seed);
        let odd = config.router.odd;
        println!("seed {seed} ({:?}, {odd}): {what}", config.profile);
    }
    if let Some((seed, what)) = broken.first() {
        panic!(
            "{} seeds failed, the first:\n{}",
            broken.len(),
            story(*seed, what)
        );
    }
}

/// Sums over all seeds: what the runs were about.
#[derive(Default)]
struct Totals {
    changes: u64,
    evictions: u64,
    wrong: u64,
    overlaps: Overlaps,
    settled: Vec<u64>,
    deputies: u64,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        let summary = &outcome.summary;
        self.changes += u64::from(summary.changes);
        self.evictions += u64::from(summary.evictions);
        self.wrong += u64::from(summary.wrong_evictions);
        let (longest, this) = (&mut self.overlaps, &summary.overlaps);
        longest.warned = longest.warned.max(this.warned);
        longest.parted = longest.parted.max(this.parted);
        longest.unknown = longest.unknown.max(this.unknown);
        longest.hindered = longest.hindered.max(this.hindered);
        self.settled.extend(summary.settled);
        self.deputies += u64::from(summary.deputies);
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut settled = self.settled.clone();
        settled.sort_unstable();
        let t = |thousandths: u64| thousandths as f64 / 1_000.0;
        let at = |per_mille: usize| {
            let index = (settled.len() * per_mille / 1_000).min(settled.len().saturating_sub(1));
            t(settled.get(index).copied().unwrap_or_default())
        };
        write!(
            f,
            "{} changes of leadership, {} evictions ({} of the living: they believed for {:.2} T \
             at most after they heard that another leads; for {:.2} T where its reports stayed \
             away, {:.2} T where they did not know it, {:.2} T where they could not ask the \
             router), {} deputies; one representative after p50 {:.2} T, p99 {:.2} T, max {:.2} T",
            self.changes,
            self.evictions,
            self.wrong,
            t(self.overlaps.warned),
            t(self.overlaps.parted),
            t(self.overlaps.unknown),
            t(self.overlaps.hindered),
            self.deputies,
            at(500),
            at(990),
            at(1_000),
        )
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..20 {
        let first = run(seed, Mutant::None, Keep::Hash);
        let second = run(seed, Mutant::None, Keep::Lines);
        assert_eq!(first.hash, second.hash, "seed {seed}");
        assert_eq!(first.broken, second.broken, "seed {seed}");
    }
    let (one, other) = (
        run(0, Mutant::None, Keep::Hash),
        run(1, Mutant::None, Keep::Hash),
    );
    assert_ne!(one.hash, other.hash, "the trace says nothing");
}

//! Hours of nothing but loss: how often a representative that lives is replaced by mistake.

use super::config::Config;
use super::mutants::Mutant;
use super::seeds::number;
use super::trace::Keep;
use super::world::World;

/// One stretch of simulated time without a pause.
const STRETCH_HOURS: u64 = 10;

/// Prints the table in `docs/design/rotation-proof.md`: `make simulate HOURS=1000`.
#[test]
fn a_living_representative_is_seldom_replaced_by_mistake() {
    let hours = number("PORTHOLE_HOURS").unwrap_or(STRETCH_HOURS);
    for percent in [1, 5] {
        let (mut changes, mut wrong, mut claims) = (0, 0, 0);
        let (mut sent, mut lost) = (0, 0);
        for seed in 0..hours.div_ceil(STRETCH_HOURS) {
            let config = Config::hours(seed, STRETCH_HOURS, percent * 10);
            let outcome = World::new(config, Mutant::None, Keep::Hash).run();
            assert_eq!(outcome.broken, None, "{percent} % loss, seed {seed}");
            changes += outcome.summary.changes - 1;
            wrong += outcome.summary.wrong_evictions;
            claims += outcome.summary.claims;
            sent += outcome.summary.sent;
            lost += outcome.summary.lost;
        }
        println!(
            "{percent} % loss, {hours} h, 5 servers, T = 2 s: {changes} false takeovers ({wrong} \
             by deleting), {claims} Claims, \
             {lost} of {sent} datagrams lost"
        );
        assert!(
            lost * 100 > sent * u64::from(percent) / 2,
            "the loss is not there"
        );
    }
}

//! The sites that are checked, and what is printed of each.

use stateright::{Checker, Model};

use super::site::{Habit, Site};
use crate::seeds::number;
use porthole_sim_router::Access;

/// Checks one site, and says how large it was.
fn check(site: Site) {
    let (n, deletes, habit) = (site.rules.len(), site.deletes, site.habit);
    let budgets = (site.losses, site.crashes, site.delays, site.horizon.0);
    let started = std::time::Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = site.checker().threads(threads).spawn_bfs().join();
    println!(
        "n = {n}, {habit:?}, delete {deletes:?}, (losses, crashes, delays, horizon ms) \
         {budgets:?}: {} states, depth {}, {:.1} s",
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f64(),
    );
    for (name, path) in checker.discoveries() {
        if name.starts_with('S') {
            for (world, action) in path.clone().into_vec() {
                let believers: Vec<usize> = (0..n).filter(|who| world.believes(*who)).collect();
                println!(
                    "{:>6} believe {believers:?} entry {:?} then {action:?}",
                    world.now.0, world.entry
                );
            }
            println!("{:?}", path.last_state());
            panic!("n = {n}, {habit:?}: broken: {name}");
        }
    }
    checker.assert_properties();
}

#[test]
fn three_servers_in_every_order() {
    for deletes in [Access::Secure, Access::Open] {
        check(Site::of(3, deletes, (2, 1, 1), 7_000));
    }
}

#[test]
fn four_servers_in_every_order() {
    for deletes in [Access::Secure, Access::Open] {
        check(Site::of(4, deletes, (1, 1, 1), 6_000));
    }
}

#[test]
fn three_servers_in_every_order_where_nothing_is_shown() {
    // Where servers may delete each other's mappings: nobody can be named, so they do not.
    check(Site::of(3, Access::Open, (1, 1, 1), 7_000).with(Habit::Hidden));
}

#[test]
fn three_servers_in_every_order_where_leases_are_not_extended() {
    for deletes in [Access::Secure, Access::Open] {
        for habit in [Habit::KeepsEnd, Habit::Refuses] {
            check(Site::of(3, deletes, (1, 1, 1), 6_000).with(habit));
        }
    }
}

#[test]
fn three_servers_in_every_order_where_one_port_leads_to_a_device() {
    for deletes in [Access::Secure, Access::Open] {
        check(Site::of(3, deletes, (1, 1, 1), 7_000).with(Habit::OnePerInner));
    }
}

/// By hand, for any number of servers and hours of patience: `make model N=5`.
#[test]
#[ignore = "by hand: make model N=5"]
fn any_number_of_servers_in_every_order() {
    let n = number("PORTHOLE_MODEL_N").unwrap_or(5) as usize;
    let budget = |name, usual| number(name).map_or(usual, |number| number as u8);
    let budgets = (
        budget("PORTHOLE_MODEL_LOSSES", 1),
        budget("PORTHOLE_MODEL_CRASHES", 1),
        budget("PORTHOLE_MODEL_DELAYS", 1),
    );
    let horizon = number("PORTHOLE_MODEL_HORIZON").unwrap_or(6_000);
    for deletes in [Access::Secure, Access::Open] {
        check(Site::of(n, deletes, budgets, horizon));
    }
}

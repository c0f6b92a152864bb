//! Rotation, measured from the Internet: how long until a page answers at 8080 again, in
//! heartbeats, for every way in which a representative can go.
//!
//! Each test is one row of `docs/ref/rotation.md` and prints it. What passes or fails is who took
//! over, that nobody else did and that the router never had two; the times are for people. In `make
//! test` each case runs twice, `make rotation` runs each ten times and writes the table.

mod fleet;
mod keepalived;
mod samples;
mod streams;

use std::thread;
use std::time::Instant;

use fleet::{Fleet, HEARTBEAT};
use samples::{Samples, runs};

use crate::support::lab::{PATIENCE, Role, SecureMode};
use crate::support::wait::{Watch, ensure, eventually};

/// A lease that cannot end while a dead one's mapping is deleted: then the deleting is what is
/// measured.
const LONG_LEASE: &str = "30s";
/// A lease whose end is awaited in every run.
const SHORT_LEASE: &str = "6s";

/// Lets a part of a heartbeat pass, any part, so that what comes next comes at no special moment of
/// it.
fn any_phase() {
    let mut random = [0; 4];
    getrandom::fill(&mut random).expect("randomness");
    let part = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
    thread::sleep(HEARTBEAT.mul_f64(part));
}

#[test]
fn sigterm_the_next_in_order_answers_at_once() {
    let Some(mut fleet) = Fleet::open(SecureMode::On, LONG_LEASE) else {
        return;
    };
    let mut times = Samples::new("sigterm");
    for _ in 0..runs() {
        let standing = fleet.settle();
        let struck = Instant::now();
        let old = &mut fleet.cameras[standing.representative()];
        assert_eq!(old.terminate().code(), Some(0));
        let change = fleet.await_change(&standing, struck);
        times.take(change.answered_at - struck);
        fleet.expect_succession(&standing, 1, &change);
        fleet.cameras[standing.representative()].start();
        fleet.expect_no_way_back(&change);
    }
}

#[test]
fn withdraw_the_next_in_order_answers_at_once_and_the_old_one_stays_a_member() {
    let Some(fleet) = Fleet::open(SecureMode::On, LONG_LEASE) else {
        return;
    };
    let mut times = Samples::new("withdraw");
    for _ in 0..runs() {
        let standing = fleet.settle();
        let struck = Instant::now();
        fleet.withdraw(standing.representative());
        let change = fleet.await_change(&standing, struck);
        times.take(change.answered_at - struck);
        fleet.expect_succession(&standing, 1, &change);
        fleet.expect_no_way_back(&change);
    }
}

#[test]
fn kill_insecure_the_next_in_order_deletes_the_dead_ones_mapping() {
    let Some(mut fleet) = Fleet::open(SecureMode::Off, LONG_LEASE) else {
        return;
    };
    let mut times = Samples::new("kill_insecure");
    for _ in 0..runs() {
        let (struck, _, change) = fleet.kill_first(1);
        times.take(change.answered_at - struck);
    }
}

#[test]
fn kill_secure_the_next_in_order_waits_for_the_lease() {
    let Some(mut fleet) = Fleet::open(SecureMode::On, SHORT_LEASE) else {
        return;
    };
    kill_until_the_lease_ends(&mut fleet, 1, "kill_secure");
}

#[test]
fn two_insecure_the_next_but_one_takes_over() {
    let Some(mut fleet) = Fleet::open(SecureMode::Off, LONG_LEASE) else {
        return;
    };
    let mut times = Samples::new("two_insecure");
    for _ in 0..runs() {
        let (struck, _, change) = fleet.kill_first(2);
        times.take(change.answered_at - struck);
    }
}

#[test]
fn two_secure_the_next_but_one_takes_over_after_the_lease() {
    let Some(mut fleet) = Fleet::open(SecureMode::On, SHORT_LEASE) else {
        return;
    };
    kill_until_the_lease_ends(&mut fleet, 2, "two_secure");
}

/// Where nobody may delete for another: the time from the kill, and how much of it was after the
/// end of the failed representative's lease.
fn kill_until_the_lease_ends(fleet: &mut Fleet, dead: usize, case: &'static str) {
    let mut times = Samples::new(case);
    let mut past = Samples::part(case, "past_lease");
    for _ in 0..runs() {
        let (struck, lease_left, change) = fleet.kill_first(dead);
        // As the kernel saw it: the router tells leases in whole seconds only.
        let ended = change.before.until.expect("the dead one's rule went");
        println!(
            "the router said {lease_left} s were left, and ended it after {:.2} s",
            (ended - struck).as_secs_f64()
        );
        times.take(change.answered_at - struck);
        past.take(change.answered_at.saturating_duration_since(ended));
    }
}

#[test]
fn cable_insecure_no_two_at_once_and_no_way_back() {
    let Some(fleet) = Fleet::open(SecureMode::Off, LONG_LEASE) else {
        return;
    };
    pull_the_cable(&fleet, "cable_insecure");
}

#[test]
fn cable_secure_no_two_at_once_and_no_way_back() {
    let Some(fleet) = Fleet::open(SecureMode::On, SHORT_LEASE) else {
        return;
    };
    pull_the_cable(&fleet, "cable_secure");
}

/// The representative's cable is pulled, and put back when another has taken its place.
fn pull_the_cable(fleet: &Fleet, case: &'static str) {
    let mut times = Samples::new(case);
    for _ in 0..runs() {
        let standing = fleet.settle();
        let old = &fleet.cameras[standing.representative()];
        let table = fleet.lab.router.table();
        let readings = Watch::start(HEARTBEAT / 10, move || table.entry(8080));
        any_phase();
        let struck = Instant::now();
        old.unplug();
        let change = fleet.await_change(&standing, struck);
        times.take(change.answered_at - struck);
        old.plug_in();
        old.await_status("is a member again", PATIENCE, |status| {
            status.role == Role::Member && status.external_port() != Some(8080)
        });
        fleet.expect_succession(&standing, 1, &change);
        fleet.expect_no_way_back(&change);

        let mut holders: Vec<_> = readings
            .finish()
            .into_iter()
            .filter_map(|reading| reading.expect("the router's table"))
            .map(|entry| entry.client)
            .collect();
        holders.dedup();
        let new = fleet.cameras[change.by].address();
        assert_eq!(
            holders,
            [old.address(), new],
            "who had 8080, reading after reading"
        );
    }
}

#[test]
fn reboot_the_same_one_answers_again_with_the_same_term() {
    let Some(mut fleet) = Fleet::open(SecureMode::On, LONG_LEASE) else {
        return;
    };
    let mut times = Samples::new("reboot");
    for _ in 0..runs() {
        let standing = fleet.settle();
        any_phase();
        fleet.lab.router.stop();
        fleet.lab.router.forget();
        let struck = Instant::now();
        fleet.lab.router.start();
        let first = fleet
            .port_watch
            .await_answer("8080 answers again", struck, PATIENCE, |_| true);
        times.take(first.at - struck);
        let after = fleet.settle();
        assert_eq!(after.representative(), standing.representative());
        assert_eq!(
            after.term, standing.term,
            "a new term for the same leadership"
        );
        for answer in fleet.port_watch.answers_since(struck) {
            assert_eq!((&answer.id, answer.term), (&standing.id, standing.term));
        }
        eventually("its role is what it was", PATIENCE, || {
            let status = fleet.cameras[standing.representative()].status()?;
            ensure(status.role == Role::Representative, format!("{status:?}"))
        });
    }
}

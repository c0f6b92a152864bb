//! What can go wrong, and when.

use fastrand::Rng;
use porthole_election::Detection;
use porthole_election::RemoteAccess;

use super::config::{Config, Millis, Profile};

/// Something that goes wrong at a time.
#[derive(Clone, Debug)]
pub struct Timed {
    pub at: Millis,
    pub fault: Fault,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// kill -9, or the plug.
    Kill(usize),
    /// It is started again, with what its disk says.
    Start(usize),
    /// The election actor panics and begins again.
    Panic(usize),
    /// The process stands still for so long.
    Freeze(usize, Millis),
    /// SIGTERM.
    Leave(usize),
    /// The operator asks for another representative.
    StepDown(usize),
    /// People turn the switch of ¶84.
    Switch(usize, RemoteAccess),
    /// Whoever holds the representative port is hit by this.
    Holder(OnHolder),
    /// Datagrams pass only inside a group; the router is reached by all.
    Split(Vec<u8>),
    /// Nothing passes from the first to the second.
    Deaf(usize, usize),
    /// The network cable is pulled.
    Unplug(usize),
    /// All cables and switches work again.
    Heal,
    /// The router loses its power and its table, and is back after so long.
    Reboot(Millis),
    /// The server gets another address.
    Move(usize),
    /// A program that is none of ours maps the representative port, if it is free, for so long.
    ForeignMapping(Millis),
    /// The state file is lost.
    Wipe(usize),
    /// One datagram, or one short burst from one server to another, is lost: until then.
    Burst(usize, usize, Millis),
}

/// What hits the representative.
#[derive(Clone, Copy, Debug)]
pub enum OnHolder {
    Kill,
    Leave,
    StepDown,
    Unplug,
    Freeze(Millis),
}

/// The troubles of a seed, in order of time, none after `until`.
pub fn drawn(config: &Config, from: Millis, until: Millis, rng: &mut Rng) -> Vec<Timed> {
    let n = config.servers;
    let mut faults = Vec::new();
    match config.profile {
        Profile::Hours | Profile::Lossy => {}
        Profile::Calm => {
            let (a, b) = (rng.usize(0..n), rng.usize(0..n));
            // One Inquiry with its copy, and the questions that its absence leads to. Where
            // Inquiries are not counted, two probes in a row fit into that: then only
            // one of them.
            let span = if config.detection.contains(&Detection::Heartbeat) {
                config.heartbeat * 9 / 10
            } else {
                config.heartbeat / 3
            };
            faults.push(Timed {
                at: rng.u64(from..until),
                fault: Fault::Burst(a, b, span),
            });
        }
        profile => {
            let many = rng.usize(1..=7);
            for _ in 0..many {
                let at = rng.u64(from..until);
                // Two at the same time are more than the sum.
                let together = if rng.u8(0..3) == 0 { 2 } else { 1 };
                for _ in 0..together {
                    one(profile, n, at, until, rng, &mut faults);
                }
            }
        }
    }
    faults.sort_by_key(|timed| timed.at);
    faults
}

fn one(
    profile: Profile,
    n: usize,
    at: Millis,
    until: Millis,
    rng: &mut Rng,
    faults: &mut Vec<Timed>,
) {
    let who = rng.usize(0..n);
    let later = rng.u64(at..=until);
    let mut push = |at, fault| faults.push(Timed { at, fault });
    let draw = match profile {
        Profile::Deaths => rng.u8(0..12),
        Profile::Partitions => rng.u8(12..16),
        Profile::Router => rng.u8(16..20),
        _ => rng.u8(0..22),
    };
    match draw {
        0..=2 => {
            push(at, Fault::Holder(OnHolder::Kill));
        }
        3 => {
            push(at, Fault::Kill(who));
            push(later, Fault::Start(who));
        }
        4 => push(at, Fault::Kill(who)),
        5 => push(at, Fault::Panic(who)),
        6 => push(
            at,
            Fault::Freeze(who, rng.u64(200..12_000).min(until - at + 1)),
        ),
        7 => push(
            at,
            Fault::Holder(OnHolder::Freeze(rng.u64(200..15_000).min(until - at + 1))),
        ),
        8 => push(at, Fault::Holder(OnHolder::Leave)),
        9 => {
            push(at, Fault::Leave(who));
            push(later, Fault::Start(who));
        }
        10 => push(at, Fault::Holder(OnHolder::StepDown)),
        11 => {
            push(at, Fault::Kill(who));
            push(at + 1, Fault::Wipe(who));
            push(later, Fault::Start(who));
        }
        12 => {
            let groups = (0..n).map(|_| rng.u8(0..2)).collect();
            push(at, Fault::Split(groups));
            push(later, Fault::Heal);
        }
        13 => {
            push(at, Fault::Deaf(who, rng.usize(0..n)));
            push(later, Fault::Heal);
        }
        14 => {
            push(at, Fault::Unplug(who));
            push(later, Fault::Heal);
        }
        15 => {
            push(at, Fault::Holder(OnHolder::Unplug));
            push(later, Fault::Heal);
        }
        16 | 17 => push(at, Fault::Reboot(rng.u64(500..20_000).min(until - at + 1))),
        18 => push(
            at,
            Fault::ForeignMapping(rng.u64(1_000..20_000).min(until - at + 1)),
        ),
        19 => push(at, Fault::Panic(who)),
        20 => {
            push(at, Fault::Switch(who, RemoteAccess::Off));
            push(later, Fault::Switch(who, RemoteAccess::On));
        }
        _ => push(at, Fault::Move(who)),
    }
}

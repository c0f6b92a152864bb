//! The world: virtual time, servers, a LAN and a router, and everything that the rules never see.
//!
//! A world is made from a [`Config`] and lives by its agenda: the next thing happens, the
//! invariants are asked, and so on to the end. Each kind of thing has a file: the agenda itself,
//! the servers' power, their shells, the LAN, the way to the router, and the faults.

mod agenda;
mod faults;
mod happen;
mod lan;
mod power;
mod router;
mod shell;

use fastrand::Rng;
use porthole_types::InstanceId;

use super::config::{Config, Millis};
use super::fake_router::FakeRouter;
use super::invariants::{Broken, Invariants, Summary};
use super::mutants::Mutant;
use super::server::{Clock, Server};
use super::trace::{Keep, Trace};
use super::wire::Wire;
use agenda::{Agenda, Item};

/// How a run ended.
pub struct Outcome {
    pub config: Config,
    pub broken: Option<Broken>,
    pub hash: u64,
    pub lines: Vec<String>,
    pub summary: Summary,
}

/// A site in its network.
pub struct World {
    config: Config,
    mutant: Mutant,
    rng: Rng,
    now: Millis,
    agenda: Agenda,
    servers: Vec<Server>,
    fake_router: FakeRouter,
    wire: Wire,
    trace: Trace,
    checks: Invariants,
    /// Whether the next exchange of each server with the router is late (a lost segment is sent
    /// again).
    late_router: Vec<bool>,
    /// Steps at this very millisecond: more than can be is a loop without time.
    crowd: u32,
    ended: bool,
}

impl World {
    pub fn new(config: Config, mutant: Mutant, keep: Keep) -> Self {
        let mut rng = Rng::with_seed(config.seed ^ 0x9e37_79b9_7f4a_7c15);
        let n = config.servers;
        let servers = (0..n)
            .map(|index| {
                let clock = Clock {
                    origin: rng.u64(0..1_000_000),
                    slow_ppm: rng.u64(0..200),
                };
                Server::new(&config, index, InstanceId(rng.u64(..)), clock)
            })
            .collect();
        let mut world = Self {
            fake_router: FakeRouter::new(config.router.clone()),
            wire: Wire::new(n, config.weather.clone()),
            checks: Invariants::new(&config),
            trace: Trace::new(keep),
            late_router: vec![false; n],
            config,
            mutant,
            rng,
            now: 0,
            agenda: Agenda::default(),
            servers,
            crowd: 0,
            ended: false,
        };
        for index in 0..n {
            let at = world.rng.u64(0..5_000);
            world.at(at, Item::Start(index));
        }
        for timed in world.config.faults.clone() {
            world.at(timed.at, Item::Fault(timed.fault));
        }
        world.at(world.config.calm_at, Item::Calm);
        world.at(world.config.ends_at, Item::End);
        world
    }

    /// Lives until the end, or until an invariant is broken.
    pub fn run(mut self) -> Outcome {
        let mut broken = None;
        while let Some((at, item)) = self.agenda.next() {
            self.crowd = if at == self.now { self.crowd + 1 } else { 0 };
            self.now = at;
            self.happen(item);
            broken = self.check();
            if broken.is_none() && self.crowd > 20_000 {
                broken = Some(Broken::new(
                    "B1",
                    self.now,
                    "time stands still: the rules call themselves".into(),
                ));
            }
            if broken.is_some() || self.ended {
                break;
            }
        }
        if let Some(broken) = &broken {
            self.trace.say(self.now, format_args!("BROKEN {broken}"));
        }
        Outcome {
            broken,
            hash: self.trace.hash(),
            summary: self.checks.summary(&self.wire),
            lines: self.trace.lines,
            config: self.config,
        }
    }

    fn check(&mut self) -> Option<Broken> {
        self.checks
            .after_event(self.now, &self.servers, &self.fake_router, &self.wire)
    }

    fn at(&mut self, at: Millis, item: Item) {
        self.agenda.put(at.max(self.now), item);
    }

    fn after(&mut self, span: Millis, item: Item) {
        self.at(self.now + span, item);
    }

    /// Who holds the representative port, as the router has it.
    fn holder(&self) -> Option<usize> {
        let entry = self.fake_router.holder(self.now)?;
        self.servers
            .iter()
            .position(|server| server.address == entry.client)
    }
}

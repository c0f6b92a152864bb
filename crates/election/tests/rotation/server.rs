//! One server: the shell around the rules, as thin as the program's.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use porthole_election::{Memory, RemoteAccess, Role, Rules, State, Timestamp};
use porthole_types::{ExternalPort, InstanceId, Term};

use super::client::{Job, Learned};
use super::config::{Config, Millis};

/// What survives a power cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Disk {
    pub term: Term,
    pub port: Option<ExternalPort>,
    pub memory: Memory,
    /// The ledger.
    pub mappings: BTreeSet<ExternalPort>,
}

impl Disk {
    pub const BLANK: Self = Self {
        term: Term(0),
        port: None,
        memory: Memory::None,
        mappings: BTreeSet::new(),
    };
}

/// A clock that counts from when only it knows, and not quite as fast as others.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub origin: Millis,
    /// Parts of a million that it runs slow (it is the slow ones that believe for too long).
    pub slow_ppm: u64,
}

impl Clock {
    /// What it shows.
    pub fn show(self, at: Millis) -> Timestamp {
        Timestamp(self.origin + at - at * self.slow_ppm / 1_000_000)
    }

    /// The earliest time at which it shows this.
    pub fn time_of(self, shown: Timestamp) -> Millis {
        let wanted = shown.0.saturating_sub(self.origin);
        let mut at = wanted + wanted * self.slow_ppm / 1_000_000;
        while self.show(at) < shown {
            at += 1;
        }
        at
    }
}

/// Whether the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    Runs,
    /// It never started, was killed, or has left.
    Over,
}

/// A server and what the world keeps about it.
pub struct Server {
    pub id: InstanceId,
    pub address: Ipv4Addr,
    pub clock: Clock,
    pub rules: Rules,
    pub state: State,
    pub process: ProcessState,
    /// Which of its boots this is: what was meant for an earlier one goes nowhere.
    pub boot: u32,
    pub job: Option<Job>,
    pub jobs: u64,
    pub learned: Learned,
    /// The epoch of the router in which it last said yes or no to a write, and when.
    pub written_in: (u32, Millis),
    /// When it wants to be woken, in world time.
    pub wake: Option<Millis>,
    pub disk: Disk,
    /// How people last turned the switch of ¶84; on its disk as well.
    pub switch: RemoteAccess,
    pub frozen_until: Millis,
    /// Whether the shell has said that there is a router.
    pub knows_router: bool,
    /// The port that it last reported.
    pub reported: Option<ExternalPort>,
}

impl Server {
    pub fn new(config: &Config, index: usize, id: InstanceId, clock: Clock) -> Self {
        Self {
            id,
            address: Ipv4Addr::new(192, 168, 1, 10 + index as u8),
            clock,
            rules: config.rules(id),
            state: State::new(Term(0), None, Memory::None),
            process: ProcessState::Over,
            boot: 0,
            job: None,
            jobs: 0,
            learned: Learned::default(),
            written_in: (0, 0),
            wake: None,
            disk: Disk::BLANK,
            switch: RemoteAccess::On,
            frozen_until: 0,
            knows_router: false,
            reported: None,
        }
    }

    pub fn runs(&self) -> bool {
        self.process == ProcessState::Runs
    }

    /// Whether it would tell anybody that it is the representative.
    pub fn believes(&self, now: Millis) -> bool {
        self.runs() && self.state.role(self.clock.show(now)) == Role::Representative
    }

    /// Whether it is making its mapping anew.
    pub fn is_in_gap(&self, now: Millis) -> bool {
        self.runs() && self.state.is_in_gap(self.clock.show(now))
    }

    /// Until when it would, if it heard nothing more.
    pub fn believes_until(&self) -> Option<Millis> {
        let leadership = self.state.leadership?;
        Some(self.clock.time_of(leadership.deadline))
    }
}

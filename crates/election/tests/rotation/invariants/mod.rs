//! What must hold after every event, whatever happens. Each has the name that `docs/design` gives
//! it.
//!
//! They are written over the router's table and over what servers would tell a client, and know
//! nothing of how the rules come to it.
//!
//! The world tells of what happens and asks after each event; each invariant stands in the file of
//! what it is about: belief (S1, S1d, S2), the leadership's tenure (S3, S4, S5), eviction (E1, F1),
//! takeover (M1, C1), liveness (L1, L2).

mod belief;
mod eviction;
mod ledger;
mod liveness;
mod record;
mod takeover;
mod tenure;

use std::fmt;
use std::net::Ipv4Addr;

use porthole_election::{Destination, Effect, ElectionMessage, Event, Request, State};
use porthole_sim_router::Access;

use super::config::{Config, Millis};
use super::fake_router::FakeRouter;
use super::server::Server;
use super::wire::Wire;
use liveness::Liveness;
use record::Record;
use tenure::Tenure;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub invariant: &'static str,
    pub at: Millis,
    pub what: String,
}

impl Broken {
    pub fn new(invariant: &'static str, at: Millis, what: String) -> Self {
        Self {
            invariant,
            at,
            what,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} ms: {}", self.invariant, self.at, self.what)
    }
}

/// The longest beliefs of the wrongly replaced, in thousandths of a heartbeat.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overlaps {
    /// From when it heard that another leads.
    pub warned: u64,
    /// From when its mapping was deleted, by one whose reports had stayed away lately.
    pub parted: u64,
    /// The same, by one that it does not miss.
    pub unknown: u64,
    /// The same, where its exchanges with the router went wrong.
    pub hindered: u64,
}

/// What a run was like.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How often leadership changed hands.
    pub changes: u32,
    /// How often another's mapping was deleted by a server that took it for dead.
    pub evictions: u32,
    /// And how often that one was alive.
    pub wrong_evictions: u32,
    /// How long it took from the last fault (and the end of a failed server's lease) to one
    /// representative, in thousandths of a heartbeat.
    pub settled: Option<u64>,
    /// How long one believed whose mapping another had deleted, at most (S1d).
    pub overlaps: Overlaps,
    pub deputies: u32,
    /// Claims said.
    pub claims: u32,
    pub sent: u64,
    pub lost: u64,
}

/// What watches over the servers.
pub struct Invariants {
    config: Config,
    records: Vec<Record>,
    /// The last leadership that began.
    last: Option<Tenure>,
    /// Who had the representative port on the router after the last event.
    holder: Option<Ipv4Addr>,
    /// Since when there has been a representative at all (S3 speaks of what comes after).
    settled_at: Option<Millis>,
    broken: Option<Broken>,
    summary: Summary,
    liveness: Liveness,
}

impl Invariants {
    pub fn new(config: &Config) -> Self {
        Self {
            records: vec![Record::default(); config.servers],
            liveness: Liveness::new(config),
            config: config.clone(),
            last: None,
            holder: None,
            settled_at: None,
            broken: None,
            summary: Summary::default(),
        }
    }

    pub fn summary(&self, wire: &Wire) -> Summary {
        Summary {
            settled: self.liveness.settled(),
            deputies: self.liveness.deputies(),
            sent: wire.sent,
            lost: wire.lost,
            ..self.summary.clone()
        }
    }

    fn breaks(&mut self, invariant: &'static str, at: Millis, what: String) {
        self.broken.get_or_insert(Broken::new(invariant, at, what));
    }

    /// From now on nothing goes wrong.
    pub fn calm(&mut self, now: Millis) {
        self.liveness.calm(now);
    }

    /// A step was taken.
    pub fn stepped(
        &mut self,
        now: Millis,
        server: usize,
        old: &State,
        it: &Server,
        event: &Event,
        effects: &[Effect],
    ) {
        for effect in effects {
            match effect {
                Effect::Say(Destination::One(address), ElectionMessage::Probe { .. }) => {
                    self.records[server]
                        .evidence
                        .entry(*address)
                        .or_default()
                        .probes += 1;
                }
                Effect::Say(to, message) => {
                    if matches!(message, ElectionMessage::Claim { .. }) {
                        // One to the evicted alone asks nobody whether they object.
                        let asks = *to == Destination::Everybody;
                        self.records[server].claims += u32::from(asks);
                        self.summary.claims += 1;
                        self.calm_only(now, format_args!("s{server} claims leadership"));
                    }
                }
                Effect::Ask(Request::Evict { from, .. }) => self.may_evict(now, server, *from),
                Effect::Ask(Request::Release(port)) => {
                    self.may_release(now, server, old, it, *port);
                }
                _ => {}
            }
        }
        self.note_successor(now, server, it);
        self.note_forgotten(server, old, event);
        self.note_warning(now, server, old, event);
        if old.leadership.is_none()
            && it.state.leadership.is_some()
            && let Event::Secured { before, .. } = event
        {
            self.leadership_begins(now, server, it, *before);
        }
    }

    /// Everything that is a matter of who believes what, and what the router has.
    pub fn after_event(
        &mut self,
        now: Millis,
        servers: &[Server],
        fake_router: &FakeRouter,
        wire: &Wire,
    ) -> Option<Broken> {
        let holder = fake_router.holder(now).map(|entry| entry.client);
        self.holder_changes(now, holder, servers);
        self.beliefs(now, servers, fake_router, wire);
        self.claimants(now, servers, wire);
        self.few_mappings(now, servers, fake_router);
        let stuck = fake_router.habits.quirks.access == Access::Secure;
        if let Some((invariant, what)) = self.liveness.after_event(now, servers, fake_router, stuck)
        {
            self.breaks(invariant, now, what);
        }
        self.broken.take()
    }
}

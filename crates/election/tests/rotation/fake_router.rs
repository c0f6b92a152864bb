//! The router: the simulated router's own table, driven by a random number generator.
//!
//! The table has the rules and the habits (`porthole_sim_router::Table`, `Quirks`); what goes wrong
//! once is drawn here, and the table is told. It does one thing at a time and knows nothing of the
//! election. The quirks are those of UPnP WANIPConnection:2 section 2.5 and the routers listed in
//! `docs/guide/router.md`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use fastrand::Rng;
use porthole_election::Ownership;
use porthole_sim_router::{
    Access, AddConduct, ClientText, DeleteConduct, Fault, LeaseClock, Leases, Mapping, PerInner,
    Protocol, Quirks, Renewal, ReservedPorts, Shown, Table, TableEntry, Ticks, Visibility,
};
use porthole_types::{ExternalPort, InternalPort};

use super::config::{Millis, Profile, leadership, port};

/// What kind of router it is.
#[derive(Clone, Debug)]
pub struct RouterHabits {
    /// What it does at every request.
    pub quirks: Quirks,
    /// Of 1,000 writes: how many are answered "OK" and not carried out.
    pub lies_per_mille: u32,
    /// Of 1,000 requests to add: how many are refused although nothing stands in the way.
    pub busy_per_mille: u32,
    /// Of 1,000 exchanges: how many get lost, half on the way there and half on the way back.
    pub lost_per_mille: u32,
    /// The longest way there or back.
    pub slowest: Millis,
    /// Of 1,000 writes: how many are carried out long after they were sent, up to twice the
    /// time-out.
    pub late_per_mille: u32,
    /// What it makes of descriptions.
    pub described: Descriptions,
    /// In which way of its own it misleads.
    pub odd: &'static str,
}

/// What a router makes of the descriptions that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptions {
    /// It shows them.
    Kept,
    /// It shows something of its own.
    Replaced,
}

impl RouterHabits {
    /// Whether it shows whose a mapping is.
    pub fn shows_whose(&self) -> bool {
        self.quirks.client_text == ClientText::Address && self.quirks.shown != Shown::Nothing
    }

    pub fn drawn(seed: u64, profile: Profile, servers: usize, rng: &mut Rng) -> Self {
        let mut habits = Self::usual(profile, servers, rng);
        if matches!(profile, Profile::Router | Profile::Everything) {
            habits.become_odd(&mut Rng::with_seed(!seed));
        }
        habits
    }

    /// Three routers in ten mislead in one way of their own. Drawn apart, so that the rest of a
    /// seed is what it was.
    fn become_odd(&mut self, rng: &mut Rng) {
        let quirks = &mut self.quirks;
        self.odd = match rng.u8(0..30) {
            0 => {
                quirks.shown = Shown::Nothing;
                "shows nothing"
            }
            1 => {
                quirks.shown = Shown::ListOnly;
                "lists only"
            }
            2 => {
                quirks.shown = Shown::SpecificOnly;
                "lists nothing"
            }
            3 => {
                quirks.client_text = ClientText::HostName;
                "host names"
            }
            4 => {
                quirks.client_text = ClientText::Empty;
                self.described = Descriptions::Replaced;
                "no clients"
            }
            5 => {
                quirks.per_inner = PerInner::One;
                "one per inner port"
            }
            6 => {
                quirks.reserved = Some(ReservedPorts::new([port(8081)]));
                "an own port reserved"
            }
            7 => {
                quirks.reserved = Some(ReservedPorts::new([leadership()]));
                "the representative port reserved"
            }
            8 => {
                quirks.renewal = Renewal::KeepsEnd;
                "renewal keeps the end"
            }
            9 => {
                quirks.renewal = Renewal::Refused;
                "renewal refused"
            }
            _ => return,
        };
        // Two ways to mislead at once are more than reading can see through.
        quirks.visibility = Visibility::All;
        self.lies_per_mille = 0;
    }

    fn usual(profile: Profile, servers: usize, rng: &mut Rng) -> Self {
        let difficult = matches!(profile, Profile::Router | Profile::Everything);
        let mut rarely = |one_in: u32, most: u32| {
            if difficult && rng.u32(0..one_in) == 0 {
                rng.u32(1..=most)
            } else {
                0
            }
        };
        let (lies, busy, lost, late) = (rarely(3, 60), rarely(3, 60), rarely(2, 80), rarely(2, 60));
        let calm = matches!(profile, Profile::Calm | Profile::Hours);
        let roomy = servers + 20;
        // A renewal that is dropped leaves what the router shows of the old lease, in its own
        // seconds: one flaw more in its clock and no margin covers it.
        let ticks = if lies == 0 && rng.bool() {
            Ticks::WholeSeconds
        } else {
            Ticks::Continuous
        };
        // In this order, which decides what a seed stands for.
        let access = if rng.bool() {
            Access::Secure
        } else {
            Access::Open
        };
        let leases = if !calm && rng.u8(0..6) == 0 {
            Leases::PermanentOnly
        } else {
            Leases::AsAsked
        };
        let visibility = if difficult && rng.u8(0..10) == 0 {
            Visibility::OwnOnly
        } else {
            Visibility::All
        };
        let fast_per_mille = if ticks == Ticks::Continuous && lies == 0 {
            rng.u64(0..110) as u32
        } else {
            0
        };
        let table_limit = if difficult && rng.u8(0..5) == 0 {
            servers
        } else {
            roomy
        };
        Self {
            quirks: Quirks {
                access,
                leases,
                visibility,
                lease_clock: LeaseClock {
                    fast_per_mille,
                    ticks,
                },
                table_limit,
                ..Quirks::igd2()
            },
            lies_per_mille: lies,
            busy_per_mille: busy,
            lost_per_mille: lost,
            slowest: *super::config::pick(rng, &[10, 40, if difficult { 1_500 } else { 150 }]),
            // A dropped renewal and a late one look alike when they are read back.
            late_per_mille: if lies == 0 { late } else { 0 },
            described: Descriptions::Kept,
            odd: "in no way",
        }
    }
}

/// What the simulation has to know of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub client: Ipv4Addr,
    /// Made by a program that is not one of ours.
    pub foreign: bool,
    /// When the router forgets it; `None` has no end.
    pub ends: Option<Millis>,
}

/// What a device sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Read(ExternalPort),
    /// With a lease in milliseconds, which are whole seconds; 0 is without an end.
    Add(ExternalPort, Millis),
    Delete(ExternalPort),
    List,
}

/// A mapping as the router shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The device, where it is shown by its address.
    pub client: Option<Ipv4Addr>,
    /// The server that its description names, if it names one.
    described: Option<Ipv4Addr>,
    /// How long it lasts; `None` has no end.
    pub left: Option<Millis>,
}

/// What the description of a row says to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Described {
    AsOurs,
    AsAnother,
    Otherwise,
}

impl Row {
    pub fn described_to(&self, me: Ipv4Addr) -> Described {
        match self.described {
            Some(server) if server == me => Described::AsOurs,
            Some(_) => Described::AsAnother,
            None => Described::Otherwise,
        }
    }

    /// Whose it is in the eyes of a server.
    pub fn ownership(&self, me: Ipv4Addr) -> Ownership {
        match self.client {
            Some(client) if client == me => match self.described {
                Some(_) => Ownership::Mine,
                None => Ownership::LeadsHere,
            },
            Some(_) => Ownership::Theirs,
            None => Ownership::Unclear,
        }
    }
}

/// What it gets back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The entry under this port.
    Entry(Option<Row>),
    Table(BTreeMap<ExternalPort, Row>),
    Done,
    Refused(u16),
}

/// A device that runs none of our programs.
pub const FOREIGN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 200);

/// A mapping that was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub client: Ipv4Addr,
}

/// The router at work.
pub struct FakeRouter {
    pub habits: RouterHabits,
    /// Time is what has passed since the start of the simulation.
    table: Table<Duration>,
    /// How often its table was lost.
    pub epoch: u32,
    pub up: bool,
    /// Whether the last yes was a lie. Two in a row cannot be told from a router that shows
    /// nothing.
    lied: bool,
}

impl FakeRouter {
    pub fn new(habits: RouterHabits) -> Self {
        Self {
            table: Table::new(habits.quirks, Duration::ZERO),
            habits,
            epoch: 0,
            up: true,
            lied: false,
        }
    }

    /// Whose the representative port is now.
    pub fn holder(&self, now: Millis) -> Option<Held> {
        let entry = self.table.get(at(now), Protocol::Tcp, leadership())?;
        Some(Held::of(entry))
    }

    /// Whether its table is full, and no entry of it leads to one of these.
    pub fn is_full_without(&self, now: Millis, lives: impl Fn(Ipv4Addr) -> bool) -> bool {
        let mut entries = 0;
        for entry in self.table.live(at(now)) {
            if lives(entry.mapping.client) {
                return false;
            }
            entries += 1;
        }
        entries >= self.habits.quirks.table_limit
    }

    /// Whether its table is full.
    pub fn is_full(&self, now: Millis) -> bool {
        self.table.live(at(now)).count() >= self.habits.quirks.table_limit
    }

    /// It loses its table and its power.
    pub fn lose_power(&mut self) {
        self.table.clear();
        self.epoch += 1;
        self.up = false;
    }

    /// A program that is none of ours has the representative port, without an end.
    pub fn map_for_foreigner(&mut self) {
        self.table.put(TableEntry {
            mapping: mapping(FOREIGN, leadership()),
            lease_end: None,
        });
    }

    /// It gives the port back, if it still has it; whether it had.
    pub fn unmap_foreigner(&mut self, now: Millis) -> bool {
        let has = self.holder(now).is_some_and(|held| held.foreign);
        if has {
            self.table.take(Protocol::Tcp, leadership());
        }
        has
    }

    /// One call, at the moment at which it takes effect; with what it deleted.
    pub fn call(
        &mut self,
        from: Ipv4Addr,
        call: Call,
        now: Millis,
        rng: &mut Rng,
    ) -> (Reply, Option<Deleted>) {
        self.table.expire(at(now));
        let reply = match call {
            Call::Read(port) => self.read(from, port, now),
            Call::Add(port, lease) => self.add(from, port, lease, now, rng),
            Call::Delete(port) => return self.delete(from, port, now, rng),
            Call::List => Reply::Table(
                self.table
                    .listed(at(now))
                    .map(|entry| (entry.mapping.external_port, self.row(entry, now)))
                    .collect(),
            ),
        };
        (reply, None)
    }

    fn read(&self, from: Ipv4Addr, port: ExternalPort, now: Millis) -> Reply {
        match self.table.read(at(now), from, Protocol::Tcp, port) {
            Ok(entry) => Reply::Entry(Some(self.row(entry, now))),
            Err(Fault::NoSuchEntry) => Reply::Entry(None),
            Err(fault) => Reply::Refused(fault.code()),
        }
    }

    fn row(&self, entry: &TableEntry<Duration>, now: Millis) -> Row {
        let seconds = Millis::from(self.table.seconds_left(entry, at(now)));
        let client = entry.mapping.client;
        let readable = self.habits.quirks.client_text == ClientText::Address;
        let described = self.habits.described == Descriptions::Kept && client != FOREIGN;
        Row {
            client: readable.then_some(client),
            described: described.then_some(client),
            left: entry.lease_end.is_some().then_some(seconds * 1_000),
        }
    }

    /// How many mappings lead to a device, whatever is shown of them.
    pub fn mappings_of(&self, client: Ipv4Addr, now: Millis) -> Vec<ExternalPort> {
        let live = self.table.live(at(now));
        live.filter(|entry| entry.mapping.client == client)
            .map(|entry| entry.mapping.external_port)
            .collect()
    }

    fn add(
        &mut self,
        from: Ipv4Addr,
        port: ExternalPort,
        lease: Millis,
        now: Millis,
        rng: &mut Rng,
    ) -> Reply {
        let asked = u32::try_from(lease / 1_000).expect("a lease of 136 years at most");
        let mapping = mapping(from, port);
        let conduct = if happens(rng, self.habits.busy_per_mille) {
            AddConduct::Refuse(if rng.bool() {
                Fault::Conflict
            } else {
                Fault::ActionFailed
            })
        } else if self.table.check_add(at(now), from, &mapping, asked).is_ok()
            && self.is_noticeable(port, lease, now)
            && happens(rng, self.habits.lies_per_mille)
            && !self.lied
        {
            AddConduct::Forget
        } else {
            AddConduct::Honest
        };
        self.lied = match conduct {
            AddConduct::Forget => true,
            AddConduct::Refuse(_) => self.lied,
            _ => false,
        };
        let added = self.table.add_with(conduct, at(now), from, mapping, asked);
        match added {
            Ok(_) => Reply::Done,
            Err(fault) => Reply::Refused(fault.code()),
        }
    }

    /// A renewal that is dropped can be noticed by reading back only where it would have changed
    /// what is shown.
    fn is_noticeable(&self, port: ExternalPort, lease: Millis, now: Millis) -> bool {
        let old = self.table.get(at(now), Protocol::Tcp, port);
        old.is_none_or(|old| {
            let left = Held::of(old)
                .ends
                .map_or(Millis::MAX / 2, |ends| ends - now);
            left + 2_000 + 6 * self.habits.slowest < lease
        })
    }

    fn delete(
        &mut self,
        from: Ipv4Addr,
        port: ExternalPort,
        now: Millis,
        rng: &mut Rng,
    ) -> (Reply, Option<Deleted>) {
        let conduct = match self.table.check_delete(at(now), from, Protocol::Tcp, port) {
            // Routers differ in how they say it.
            Err(Fault::NotAuthorized) => DeleteConduct::Refuse(if rng.bool() {
                Fault::NotAuthorized
            } else {
                Fault::NoSuchEntry
            }),
            Ok(()) if happens(rng, self.habits.lies_per_mille) => DeleteConduct::Forget,
            _ => DeleteConduct::Honest,
        };
        let deleted = self
            .table
            .delete_with(conduct, at(now), from, Protocol::Tcp, port);
        match deleted {
            Ok(entry) => {
                let deleted = entry.map(|entry| Deleted {
                    client: entry.mapping.client,
                });
                (Reply::Done, deleted)
            }
            Err(fault) => (Reply::Refused(fault.code()), None),
        }
    }
}

impl Held {
    fn of(entry: &TableEntry<Duration>) -> Self {
        Self {
            client: entry.mapping.client,
            foreign: entry.mapping.client == FOREIGN,
            ends: entry.lease_end.map(|end| end.as_millis() as Millis),
        }
    }
}

fn mapping(client: Ipv4Addr, port: ExternalPort) -> Mapping {
    Mapping {
        protocol: Protocol::Tcp,
        external_port: port,
        client,
        internal_port: InternalPort::new(8080).expect("not 0"),
        description: String::new(),
    }
}

/// The time of the simulation as the table takes it.
fn at(now: Millis) -> Duration {
    Duration::from_millis(now)
}

/// Whether something that happens so often of 1,000 times happens now.
pub fn happens(rng: &mut Rng, per_mille: u32) -> bool {
    per_mille > 0 && rng.u32(0..1_000) < per_mille
}

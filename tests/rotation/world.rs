//! The world: virtual time, a queue of what happens next, and everything that the rules never see.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::Ipv4Addr;

use fastrand::Rng;
use porthole::election::{Chance, Effect, Event, Lan, Memory, Peer, Seen, State, To, Whose, Word};
use porthole::ids::InstanceId;

use super::client::{Job, Next};
use super::config::{Config, Dice, Millis, office};
use super::faults::{Fault, OnHolder};
use super::invariants::{Broken, Invariants, Summary};
use super::judge::{Call, Entry, Judge, Reply, chance};
use super::mutants::Mutant;
use super::server::{Clock, Disk, Life, Server};
use super::trace::{Keep, Trace};
use super::wire::Wire;

/// The second copy of what goes to everybody follows the first (`Effect::Say`).
const COPY_AFTER: Millis = 50;

/// What happens at a time.
enum Item {
    Start(usize),
    Wake { server: usize, life: u32 },
    /// The second copy leaves.
    SayAgain { server: usize, life: u32, word: Word },
    /// The shell's report of itself is due.
    Report { server: usize, life: u32 },
    /// A datagram arrives.
    Deliver { to: usize, event: Event, from: usize },
    /// The table is due to be read.
    Poll { server: usize, life: u32 },
    /// A call reaches the router.
    Call { server: usize, from: Ipv4Addr, call: Call, ticket: Ticket },
    /// A reply reaches the server; none is the time-out.
    Reply { server: usize, reply: Option<Reply>, epoch: u32, done_at: Millis, ticket: Ticket },
    /// The disk has it.
    Stored { server: usize, life: u32, disk: Disk },
    RouterFound { server: usize, life: u32 },
    RouterLost { server: usize, life: u32 },
    RouterUp,
    SquatterGone,
    BurstOver(usize, usize),
    Fault(Fault),
    Calm,
    End,
}

/// What a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket {
    life: u32,
    /// The request and which call of it; nothing for a reading of the table.
    job: Option<(u64, u32)>,
}

struct Queued {
    at: Millis,
    number: u64,
    item: Item,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// How a run ended.
pub struct Outcome {
    pub config: Config,
    pub broken: Option<Broken>,
    pub hash: u64,
    pub lines: Vec<String>,
    pub summary: Summary,
}

/// A household in its network.
pub struct World {
    pub config: Config,
    pub mutant: Mutant,
    pub rng: Rng,
    pub now: Millis,
    queue: BinaryHeap<Reverse<Queued>>,
    number: u64,
    pub servers: Vec<Server>,
    pub judge: Judge,
    pub wire: Wire,
    pub trace: Trace,
    pub checks: Invariants,
    /// Exchanges with the router are late by so much for this server (a lost segment is sent again).
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
            judge: Judge::new(config.router.clone()),
            wire: Wire::new(n, config.weather.clone()),
            checks: Invariants::new(&config),
            trace: Trace::new(keep),
            late_router: vec![false; n],
            config,
            mutant,
            rng,
            now: 0,
            queue: BinaryHeap::new(),
            number: 0,
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
        while let Some(Reverse(next)) = self.queue.pop() {
            self.crowd = if next.at == self.now { self.crowd + 1 } else { 0 };
            self.now = next.at;
            self.happen(next.item);
            broken = self.check();
            if broken.is_none() && self.crowd > 20_000 {
                broken = Some(Broken::new("B1", self.now, "time stands still: the rules call themselves".into()));
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
            .after_event(self.now, &self.servers, &self.judge, &self.wire)
    }

    fn at(&mut self, at: Millis, item: Item) {
        self.number += 1;
        self.queue.push(Reverse(Queued {
            at: at.max(self.now),
            number: self.number,
            item,
        }));
    }

    fn after(&mut self, span: Millis, item: Item) {
        self.at(self.now + span, item);
    }

    /// Whether it is still the same life; a frozen one gets what came when it thaws.
    fn gate(&mut self, server: usize, life: u32, item: Item) -> Option<Item> {
        let it = &self.servers[server];
        if !it.runs() || it.lives != life {
            return None;
        }
        if it.frozen_until > self.now {
            let at = it.frozen_until;
            self.at(at, item);
            return None;
        }
        Some(item)
    }

    fn happen(&mut self, item: Item) {
        let guarded = match &item {
            Item::Wake { server, life }
            | Item::SayAgain { server, life, .. }
            | Item::Report { server, life }
            | Item::Poll { server, life }
            | Item::RouterFound { server, life }
            | Item::RouterLost { server, life } => Some((*server, *life)),
            Item::Deliver { to, .. } => Some((*to, self.servers[*to].lives)),
            Item::Reply { server, ticket, .. } => Some((*server, ticket.life)),
            _ => None,
        };
        let item = match guarded {
            Some((server, life)) => match self.gate(server, life, item) {
                Some(item) => item,
                None => return,
            },
            None => item,
        };
        match item {
            Item::Start(server) => self.start(server),
            Item::Wake { server, .. } => {
                if self.servers[server].wake.is_some_and(|at| at <= self.now) {
                    self.servers[server].wake = None;
                    self.tell(server, &Event::Tick);
                }
            }
            Item::SayAgain { server, word, .. } => self.datagrams(server, To::Everybody, word),
            Item::Report { server, life } => {
                self.report(server);
                self.after(self.config.heartbeat, Item::Report { server, life });
            }
            Item::Deliver { to, event, from } => {
                self.checks.delivered(to, &self.servers[from], &event);
                self.tell(to, &event);
            }
            Item::Poll { server, life } => {
                if let Some(every) = self.config.poll {
                    self.after(every, Item::Poll { server, life });
                }
                if self.servers[server].knows_router {
                    self.call(server, Call::List, Ticket { life, job: None });
                }
            }
            Item::Call {
                server,
                from,
                call,
                ticket,
            } => self.reaches_router(server, from, call, ticket),
            Item::Reply {
                server,
                reply,
                epoch,
                done_at,
                ticket,
            } => self.replied(server, reply.as_ref(), epoch, done_at, ticket),
            Item::Stored { server, life, disk } => {
                let it = &mut self.servers[server];
                if it.lives == life && it.runs() {
                    it.disk = disk;
                }
            }
            Item::RouterFound { server, .. } => {
                if !self.wire.off_router[server] && self.judge.up {
                    self.servers[server].knows_router = true;
                    self.tell(server, &Event::RouterFound);
                } else {
                    let life = self.servers[server].lives;
                    self.after(1_000, Item::RouterFound { server, life });
                }
            }
            Item::RouterLost { server, .. } => {
                if (self.wire.off_router[server] || !self.judge.up)
                    && self.servers[server].knows_router
                {
                    self.servers[server].knows_router = false;
                    self.servers[server].job = None;
                    self.tell(server, &Event::RouterLost);
                    let life = self.servers[server].lives;
                    self.after(1_000, Item::RouterFound { server, life });
                }
            }
            Item::RouterUp => self.router_up(),
            Item::SquatterGone => {
                if self.judge.table.get(&office()).is_some_and(|entry| entry.foreign) {
                    self.judge.table.remove(&office());
                    self.checks.disturbed();
                }
            }
            Item::BurstOver(a, b) => {
                self.wire.cut[a][b] = false;
                self.late_router[a] = false;
            }
            Item::Fault(fault) => {
                self.trace.note(self.now, 1_u8, || format!("-- {fault:?}"));
                self.fault(fault);
            }
            Item::Calm => {
                self.trace.note(self.now, 2_u8, || "-- from now on nothing goes wrong".into());
                self.wire.heal();
                self.wire.weather.loss_per_mille = 0;
                self.wire.weather.slow_per_mille = 0;
                self.judge.kind.lies_per_mille = 0;
                self.judge.kind.busy_per_mille = 0;
                self.judge.kind.lost_per_mille = 0;
                self.judge.kind.late_per_mille = 0;
                self.judge.kind.slowest = self.config.calm_slowest();
                self.checks.calm(self.now);
            }
            Item::End => self.ended = true,
        }
    }

    /// A server begins a life.
    fn start(&mut self, server: usize) {
        let it = &mut self.servers[server];
        if it.runs() {
            return;
        }
        it.life = Life::Runs;
        it.lives += 1;
        it.state = State::new(it.disk.term, it.disk.port, it.disk.memory);
        it.job = None;
        it.wake = None;
        it.rung = super::client::Rung::default();
        it.knows_router = false;
        it.frozen_until = 0;
        it.reported = None;
        if self.mutant == Mutant::TrustsStateFile {
            super::mutants::believe(&mut it.state, &it.rules, it.clock.show(self.now));
        }
        let life = it.lives;
        self.checks.started(server, &self.servers[server]);
        self.tell(server, &Event::Awoke);
        let found = self.rng.u64(50..800);
        self.after(found, Item::RouterFound { server, life });
        let first = self.rng.u64(0..self.config.heartbeat);
        self.after(first, Item::Report { server, life });
        if let Some(every) = self.config.poll {
            let first = self.rng.u64(0..every);
            self.after(first, Item::Poll { server, life });
        }
    }

    /// One step of the rules, and what follows from it.
    pub fn tell(&mut self, server: usize, event: &Event) {
        let draw = Chance(match self.config.dice {
            Dice::Each => self.rng.u64(..),
            Dice::Alike => self.config.seed.rotate_left(40),
        });
        let it = &mut self.servers[server];
        let shown = it.clock.show(self.now);
        let (new, effects) = self.mutant.step(&it.rules, &it.state, event, shown, draw);
        let old = std::mem::replace(&mut it.state, new);
        if it.state.pending.is_none() {
            it.job = None; // what it would answer is no longer asked
        }
        self.trace.note(self.now, (server, event, &effects), || {
            format!("s{server} {event:?}\n{:>14}=> {effects:?}", "")
        });
        self.checks.stepped(
            self.now,
            server,
            &old,
            &self.servers[server],
            event,
            &effects,
        );
        let life = self.servers[server].lives;
        for effect in effects {
            self.run_effect(server, life, effect);
        }
        let port = self.servers[server]
            .state
            .external_port(&self.servers[server].rules, shown);
        if self.servers[server].runs() && port != self.servers[server].reported {
            self.report(server);
        }
    }

    fn run_effect(&mut self, server: usize, life: u32, effect: Effect) {
        match effect {
            Effect::Ask(request) => {
                let it = &mut self.servers[server];
                it.jobs += 1;
                let (job, call) = Job::new(it.jobs, request);
                it.job = Some(job);
                let ticket = Ticket {
                    life,
                    job: Some((job.id, job.calls)),
                };
                self.call(server, call, ticket);
            }
            Effect::WakeAt(at) => {
                let at = self.servers[server].clock.time_of(at).max(self.now);
                self.servers[server].wake = Some(at);
                self.at(at, Item::Wake { server, life });
            }
            Effect::Say(to, word) => {
                self.datagrams(server, to, word);
                if to == To::Everybody {
                    self.after(COPY_AFTER, Item::SayAgain { server, life, word });
                }
            }
            Effect::Remember => {
                let disk = self.disk_of(server);
                let takes = self.rng.u64(0..30);
                self.after(takes, Item::Stored { server, life, disk });
            }
            Effect::Left => {
                let disk = self.disk_of(server);
                self.servers[server].disk = disk;
                self.servers[server].life = Life::Over;
                self.checks.ended(server);
            }
        }
    }

    /// What the shell writes to the state file.
    fn disk_of(&self, server: usize) -> Disk {
        let it = &self.servers[server];
        let shown = it.clock.show(self.now);
        Disk {
            term: it.state.term,
            port: it.state.external_port(&it.rules, shown).or(it.state.preferred),
            memory: if it.state.office.is_some() {
                Memory::HeldOffice
            } else {
                it.state.memory
            },
        }
    }

    fn report(&mut self, server: usize) {
        let it = &mut self.servers[server];
        let shown = it.clock.show(self.now);
        let external = it.state.external_port(&it.rules, shown);
        it.reported = external;
        let event = Event::Reported {
            from: Peer {
                id: it.id,
                address: it.address,
            },
            external,
            term: it.state.term,
        };
        for to in 0..self.servers.len() {
            self.datagram(server, to, &event);
        }
    }

    fn datagrams(&mut self, server: usize, to: To, word: Word) {
        let it = &self.servers[server];
        let event = Event::Heard {
            from: Peer {
                id: it.id,
                address: it.address,
            },
            word,
        };
        for other in 0..self.servers.len() {
            let meant = match to {
                To::Everybody => true,
                To::One(address) => self.servers[other].address == address,
            };
            if meant {
                self.datagram(server, other, &event);
            }
        }
    }

    fn datagram(&mut self, from: usize, to: usize, event: &Event) {
        if from == to || self.config.lan == Lan::Silent {
            return;
        }
        let fares = self.wire.carry(from, to, self.now, &mut self.rng);
        for takes in fares.into_iter().flatten() {
            let event = event.clone();
            self.after(takes, Item::Deliver { to, event, from });
        }
    }

    /// A call leaves for the router.
    fn call(&mut self, server: usize, call: Call, ticket: Ticket) {
        let from = self.servers[server].address;
        let time_out = Item::Reply {
            server,
            reply: None,
            epoch: self.judge.epoch,
            done_at: self.now,
            ticket,
        };
        self.after(self.config.time_out, time_out);
        let kind = &self.judge.kind;
        if self.wire.off_router[server] || chance(&mut self.rng, kind.lost_per_mille / 2) {
            self.checks.exchange_goes_wrong(self.now, server);
            return;
        }
        let mut takes = self.rng.u64(0..=kind.slowest);
        if !matches!(call, Call::Read(_) | Call::List) && chance(&mut self.rng, kind.late_per_mille) {
            takes += self.rng.u64(0..self.config.time_out * 2);
            self.checks.exchange_goes_wrong(self.now, server);
        }
        if std::mem::take(&mut self.late_router[server]) {
            takes += 1_000; // the first segment is sent again after a second
        }
        let item = Item::Call {
            server,
            from,
            call,
            ticket,
        };
        self.after(takes, item);
    }

    fn reaches_router(&mut self, server: usize, from: Ipv4Addr, call: Call, ticket: Ticket) {
        if !self.judge.up || self.wire.off_router[server] {
            self.checks.exchange_goes_wrong(self.now, server);
            return;
        }
        let (reply, deleted) = self.judge.call(from, call, self.now, &mut self.rng);
        self.trace.note(self.now, (server, call), || {
            format!("   router: s{server} {call:?} -> {reply:?}")
        });
        let waited_for = ticket.job == self.servers[server].job.map(|job| (job.id, job.calls))
            && ticket.life == self.servers[server].lives;
        if let (Some(deleted), Call::Delete(port)) = (deleted, call)
            && (deleted.client != self.servers[server].address || !waited_for)
        {
            self.checks
                .deleted(self.now, server, port, deleted, &self.servers);
        }
        if chance(&mut self.rng, self.judge.kind.lost_per_mille / 2) {
            self.checks.exchange_goes_wrong(self.now, server);
            return;
        }
        let takes = self.rng.u64(0..=self.judge.kind.slowest);
        let item = Item::Reply {
            server,
            reply: Some(reply),
            epoch: self.judge.epoch,
            done_at: self.now,
            ticket,
        };
        self.after(takes, item);
    }

    fn replied(
        &mut self,
        server: usize,
        reply: Option<&Reply>,
        epoch: u32,
        done_at: Millis,
        ticket: Ticket,
    ) {
        let it = &mut self.servers[server];
        let Some((job_id, calls)) = ticket.job else {
            if let Some(Reply::Table(table)) = reply {
                let me = it.address;
                let whose = |client: &Ipv4Addr| {
                    if *client == me {
                        Whose::Mine
                    } else {
                        Whose::Theirs
                    }
                };
                let holders: BTreeMap<_, _> =
                    table.iter().map(|(port, client)| (*port, whose(client))).collect();
                let event = Event::Surveyed {
                    holders,
                    seen: Seen::Whole,
                };
                self.tell(server, &event);
            }
            return;
        };
        let Some(job) = it.job.as_mut() else { return };
        if job.id != job_id || job.calls != calls {
            return;
        }
        let shown = it.clock.show(self.now);
        let next = job.go_on(reply, it.address, shown, &mut it.rung, self.mutant);
        match next {
            Next::Call(call) => {
                let ticket = Ticket {
                    life: it.lives,
                    job: Some((job_id, job.calls)),
                };
                self.call(server, call, ticket);
            }
            Next::Answer(event) => {
                it.job = None;
                self.checks.answered(self.now, server, &event, epoch, done_at);
                self.tell(server, &event);
            }
        }
    }

    fn router_up(&mut self) {
        self.judge.up = true;
        for server in 0..self.servers.len() {
            let life = self.servers[server].lives;
            if self.servers[server].runs() {
                let takes = self.rng.u64(100..4_000);
                self.after(takes, Item::RouterFound { server, life });
            }
        }
    }

    fn kill(&mut self, server: usize) {
        if self.servers[server].runs() {
            self.servers[server].life = Life::Over;
            self.servers[server].job = None;
            self.checks.ended(server);
        }
    }

    fn unplug(&mut self, server: usize) {
        self.wire.off_router[server] = true;
        for other in 0..self.servers.len() {
            self.wire.cut[server][other] = true;
            self.wire.cut[other][server] = true;
        }
        let life = self.servers[server].lives;
        let noticed = self.rng.u64(0..15_000);
        self.after(noticed, Item::RouterLost { server, life });
    }

    /// Who holds the office, as the router has it.
    pub fn holder(&self) -> Option<usize> {
        let entry = self.judge.holder(self.now)?;
        self.servers
            .iter()
            .position(|server| server.address == entry.client)
    }

    fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(server) => self.kill(server),
            Fault::Start(server) => self.start(server),
            Fault::Panic(server) => {
                if self.servers[server].runs() && self.servers[server].frozen_until <= self.now {
                    self.servers[server].job = None;
                    self.tell(server, &Event::Awoke);
                }
            }
            Fault::Freeze(server, span) => self.servers[server].frozen_until = self.now + span,
            Fault::Leave(server) => {
                if self.servers[server].runs() && self.servers[server].frozen_until <= self.now {
                    self.tell(server, &Event::Leave);
                }
            }
            Fault::StepDown(server) => {
                if self.servers[server].runs() && self.servers[server].frozen_until <= self.now {
                    self.tell(server, &Event::StepDown);
                }
            }
            Fault::Holder(what) => {
                let Some(server) = self.holder() else { return };
                let back = self.rng.u64(self.now..=self.config.calm_at);
                let returns = self.rng.bool();
                match what {
                    OnHolder::Kill => self.kill(server),
                    OnHolder::Leave => self.fault(Fault::Leave(server)),
                    OnHolder::StepDown => self.fault(Fault::StepDown(server)),
                    OnHolder::Unplug => self.unplug(server),
                    OnHolder::Freeze(span) => self.servers[server].frozen_until = self.now + span,
                }
                if returns && matches!(what, OnHolder::Kill | OnHolder::Leave) {
                    self.at(back, Item::Fault(Fault::Start(server)));
                }
            }
            Fault::Split(groups) => {
                for (a, mine) in groups.iter().enumerate() {
                    for (b, theirs) in groups.iter().enumerate() {
                        self.wire.cut[a][b] |= mine != theirs;
                    }
                }
            }
            Fault::Deaf(a, b) => self.wire.cut[a][b] = a != b,
            Fault::Unplug(server) => self.unplug(server),
            Fault::Heal => self.wire.heal(),
            Fault::Reboot(span) => {
                if !self.judge.up {
                    return;
                }
                self.judge.lose_power();
                self.after(span, Item::RouterUp);
                for server in 0..self.servers.len() {
                    if self.rng.u8(0..10) < 7 {
                        let life = self.servers[server].lives;
                        let noticed = self.rng.u64(0..5_000);
                        self.after(noticed, Item::RouterLost { server, life });
                    }
                }
            }
            Fault::Move(server) => {
                let it = &mut self.servers[server];
                if it.runs() && it.frozen_until <= self.now {
                    let [a, b, c, d] = it.address.octets();
                    it.address = Ipv4Addr::new(a, b, c, d + 10);
                    it.job = None;
                    self.checks.moved(server);
                    self.tell(server, &Event::AddressChanged);
                }
            }
            Fault::Squat(span) => {
                if self.judge.up && self.judge.holder(self.now).is_none() {
                    let entry = Entry {
                        client: Ipv4Addr::new(192, 168, 1, 200),
                        foreign: true,
                        ends: None,
                    };
                    self.judge.table.insert(office(), entry);
                    self.after(span, Item::SquatterGone);
                }
            }
            Fault::Wipe(server) => {
                if !self.servers[server].runs() {
                    self.servers[server].disk = Disk::BLANK;
                    self.checks.wiped(server);
                }
            }
            Fault::Burst(a, b, span) => {
                if a == b {
                    self.late_router[a] = true;
                } else {
                    self.wire.cut[a][b] = true;
                }
                self.after(span, Item::BurstOver(a, b));
            }
        }
    }
}

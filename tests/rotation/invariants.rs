//! What must hold after every event, whatever happens. Each has the name that DESIGN and the documents give it.
//!
//! They are written over the router's table and over what servers would tell a visitor, and know nothing of
//! how the rules come to it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use porthole::election::{
    Before, Effect, Event, Grave, Lan, Memory, Pursuit, Request, Squeeze, State, Stay, To, Word,
};
use porthole::ids::{ExternalPort, Term};

use super::config::{Config, Millis, Profile, office};
use super::judge::{Delete, Deleted, Judge};
use super::liveness::Liveness;
use super::server::Server;
use super::wire::Wire;

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

/// What a run was like.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How often the office changed hands.
    pub changes: u32,
    /// How often another's mapping was deleted by a server that took it for dead.
    pub evictions: u32,
    /// And how often that one was alive.
    pub wrong_evictions: u32,
    /// How long it took from the last fault (and the end of a dead one's lease) to one representative, in
    /// thousandths of a heartbeat.
    pub settled: Option<u64>,
    /// How long two believed at once after a wrong eviction, at most (S1d).
    pub overlap: Millis,
    pub deputies: u32,
    /// Claims said.
    pub claims: u32,
    pub sent: u64,
    pub lost: u64,
}

/// What the world remembers about one server.
#[derive(Clone, Debug, Default)]
struct File {
    believed: bool,
    /// The router's epoch in which what it believes was read back.
    epoch: Option<u32>,
    /// When its mapping was deleted by another while it held it, and whether it had trouble with the router
    /// since.
    robbed: Option<Millis>,
    /// When an exchange of it with the router last went wrong.
    trouble: Option<Millis>,
    /// The highest term of an office that it has heard of in this life.
    heard: Term,
    /// The highest term that anybody has reported to it in this life.
    told: Term,
    /// Its last office: the term, and whether the router has had nothing but that on the port since.
    last: Option<(Term, Unbroken)>,
    started_with: Option<(Term, Memory)>,
    /// Of each address: what was tried to get a sign of life, since the last one.
    evidence: BTreeMap<Ipv4Addr, Evidence>,
    claims: u32,
    /// Since when it has been an heir.
    heir_since: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unbroken {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    probes: u32,
    claims_before: u32,
}

/// An office, as it came to a server.
#[derive(Clone, Copy, Debug)]
struct Tenure {
    server: usize,
    term: Term,
}

/// The judge of the judges.
pub struct Invariants {
    config: Config,
    files: Vec<File>,
    /// The last office that began.
    last: Option<Tenure>,
    /// Who had the office on the router after the last event.
    holder: Option<Ipv4Addr>,
    /// Since when there has been an office at all (S3 speaks of what comes after).
    settled_at: Option<Millis>,
    broken: Option<Broken>,
    summary: Summary,
    liveness: Liveness,
}

impl Invariants {
    pub fn new(config: &Config) -> Self {
        Self {
            files: vec![File::default(); config.servers],
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

    /// A life begins.
    pub fn started(&mut self, server: usize, it: &Server) {
        let file = &mut self.files[server];
        file.started_with = Some((it.disk.term, it.disk.memory));
        file.heard = it.disk.term;
        file.told = it.disk.term;
        file.robbed = None;
        file.evidence.clear();
        file.claims = 0;
        file.heir_since = None;
        file.epoch = Some(0);
    }

    /// A life ends.
    pub fn ended(&mut self, server: usize) {
        self.files[server].believed = false;
        self.files[server].robbed = None;
        self.files[server].heir_since = None;
    }

    pub fn wiped(&mut self, server: usize) {
        self.files[server].last = None;
    }

    pub fn moved(&mut self, server: usize) {
        self.files[server].last = None;
    }

    /// Something happened that no server did.
    pub fn disturbed(&mut self) {
        self.holder = None;
    }

    pub fn calm(&mut self, now: Millis) {
        self.liveness.calm(now);
    }

    /// A datagram arrived.
    pub fn delivered(&mut self, to: usize, speaker: &Server, event: &Event) {
        let file = &mut self.files[to];
        if let Event::Reported { term, .. } = event {
            file.told = file.told.max(*term);
        }
        let holds = speaker.runs() && speaker.state.office.is_some();
        if let Event::Heard { from, word } = event
            && let Word::Inquiry { term, .. } | Word::ProbeReply { term } = word
        {
            file.heard = file.heard.max(*term);
            // The echo of an office that its holder has left meanwhile is no sign of life.
            if holds {
                let claims_before = file.claims;
                let evidence = Evidence {
                    probes: 0,
                    claims_before,
                };
                file.evidence.insert(from.address, evidence);
            }
        }
    }

    /// The router has answered a request.
    pub fn answered(&mut self, now: Millis, server: usize, event: &Event, epoch: u32, done_at: Millis) {
        let file = &mut self.files[server];
        match event {
            Event::Secured { port, .. } if *port == office() => {
                file.epoch = Some(epoch);
                if file.robbed.is_some_and(|at| done_at > at) {
                    file.robbed = None;
                }
            }
            Event::Failed(request) => {
                file.trouble = Some(now);
                if request.port() == office() {
                    file.started_with = None; // S5 asks for what can be known: whether the port was free meanwhile cannot
                }
            }
            _ => {}
        }
    }

    /// A call to the router is lost, or late, or its reply is.
    pub fn exchange_goes_wrong(&mut self, now: Millis, server: usize) {
        self.files[server].trouble = Some(now);
    }

    /// A mapping was deleted by another, or by a request that its own server has given up waiting for.
    pub fn deleted(
        &mut self,
        now: Millis,
        by: usize,
        port: ExternalPort,
        deleted: Deleted,
        servers: &[Server],
    ) {
        if deleted.foreign {
            self.breaks(
                "F1",
                now,
                format!("s{by} deleted the mapping of another program on {port}"),
            );
        }
        if port != office() {
            return;
        }
        let owner = servers.iter().position(|server| server.address == deleted.client);
        if owner != Some(by) {
            self.summary.evictions += 1;
        }
        if let Some(owner) = owner
            && servers[owner].runs()
        {
            if owner != by {
                self.summary.wrong_evictions += 1;
            }
            // Whether it believes already or is about to, by an answer that is under way.
            self.files[owner].robbed.get_or_insert(now);
        }
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
                Effect::Say(To::One(address), Word::Probe { .. }) => {
                    self.files[server].evidence.entry(*address).or_default().probes += 1;
                }
                Effect::Say(_, word) => {
                    if matches!(word, Word::Claim { .. }) {
                        self.files[server].claims += 1;
                        self.summary.claims += 1;
                        self.calm_only(now, format_args!("s{server} claims the office"));
                    }
                }
                Effect::Ask(Request::Evict { from, .. }) => self.may_evict(now, server, *from),
                Effect::Ask(Request::Release(port)) if *port != office() => {
                    let had = old.own.is_some_and(|own| own.port == *port);
                    let may = it.state.office.is_some()
                        || it.state.squeeze != Squeeze::None
                        || matches!(it.state.stay, Stay::Leaving | Stay::Gone);
                    if had && !may {
                        self.breaks(
                            "M1",
                            now,
                            format!("s{server} gives up {port} before it has the office"),
                        );
                    }
                }
                _ => {}
            }
        }
        let heir = matches!(it.state.pursuit, Pursuit::Taking { .. });
        let file = &mut self.files[server];
        file.heir_since = if heir { file.heir_since.or(Some(now)) } else { None };
        if old.office.is_none()
            && it.state.office.is_some()
            && let Event::Secured { before, .. } = event
        {
            self.office_begins(now, server, it, *before);
        }
    }

    /// E1 (DESIGN section 6): a takeover by deleting happens only after silence, an unanswered direct question
    /// and an unrefuted Claim.
    fn may_evict(&mut self, now: Millis, server: usize, from: Ipv4Addr) {
        let file = &self.files[server];
        let evidence = file.evidence.get(&from).copied().unwrap_or_default();
        let asked = evidence.probes > 0;
        let claimed = file.claims > evidence.claims_before;
        if !asked || !claimed {
            let what = format!(
                "s{server} deletes the mapping of {from} with {} questions and {} Claims since its last sign of life",
                evidence.probes,
                file.claims - evidence.claims_before,
            );
            self.breaks("E1", now, what);
        }
    }

    /// S4: each change of holder raises the term. S5: taking up again what was never lost keeps it.
    fn office_begins(&mut self, now: Millis, server: usize, it: &Server, before: Before) {
        let term = it.state.term;
        let file = &self.files[server];
        if let Some(last) = self.last {
            let knew = file.heard >= last.term || self.undisturbed();
            if last.server != server && knew && term <= last.term {
                let what = format!(
                    "s{server} begins term {term} after s{} had term {}",
                    last.server, last.term
                );
                self.breaks("S4", now, what);
            }
        }
        let file = &self.files[server];
        if let (Some((old_term, Unbroken::Yes)), Before::Ours, Some((disk_term, Memory::HeldOffice))) =
            (file.last, before, file.started_with)
            && disk_term == old_term
            && file.heard.max(file.told) <= old_term
            && term != old_term
        {
            let what = format!("s{server} takes up its office of term {old_term} again with term {term}");
            self.breaks("S5", now, what);
        }
        let file = &mut self.files[server];
        file.last = Some((term, Unbroken::Yes));
        file.started_with = None;
        if self.last.is_none_or(|last| last.server != server) {
            self.summary.changes += 1;
        }
        self.last = Some(Tenure { server, term });
    }

    /// Whether everybody hears everybody in this seed, at all times.
    fn undisturbed(&self) -> bool {
        self.config.profile == Profile::Calm && self.config.lan == Lan::Spoken
    }

    /// S3: where at most one burst shorter than a heartbeat was lost, nothing happens to the office.
    fn calm_only(&mut self, now: Millis, what: fmt::Arguments<'_>) {
        if self.config.profile == Profile::Calm
            && self.settled_at.is_some_and(|at| now > at + 3 * self.config.heartbeat)
        {
            self.breaks("S3", now, what.to_string());
        }
    }

    /// Everything that is a matter of who believes what, and what the router has.
    pub fn after_event(
        &mut self,
        now: Millis,
        servers: &[Server],
        judge: &Judge,
        wire: &Wire,
    ) -> Option<Broken> {
        let holder = judge.holder(now);
        self.holder_changes(now, holder.map(|entry| entry.client), servers);
        let mut believers = 0;
        for (index, server) in servers.iter().enumerate() {
            let believes = server.believes(now);
            let file = &mut self.files[index];
            if !believes {
                if file.believed {
                    file.believed = false;
                    if server.runs() {
                        self.calm_only(now, format_args!("s{index} believes no more"));
                    }
                }
                continue;
            }
            file.believed = true;
            let epoch = *file.epoch.get_or_insert(judge.epoch);
            if epoch != judge.epoch {
                continue; // S1 and S2 are stated per router epoch
            }
            if let Some(at) = file.robbed {
                // S1d: the router forwards to one; who was wrongly replaced notices within one verification, if the
                // router lets it verify.
                self.summary.overlap = self.summary.overlap.max(now - at);
                let request = 8 * self.config.router.slowest + 50;
                if !judge.up || wire.off_router[index] || server.frozen_until > now {
                    file.trouble = Some(now);
                }
                let hindered = file
                    .trouble
                    .is_some_and(|trouble| trouble + request + self.config.time_out > at);
                let limit = if hindered { self.config.lease } else { self.config.lease / 4 + 2 * request };
                if now > at + limit {
                    self.breaks(
                        "S1d",
                        now,
                        format!("s{index} was replaced at {at} and still believes"),
                    );
                }
                continue;
            }
            believers += 1;
            let covered = holder.is_some_and(|entry| {
                entry.client == server.address
                    && entry.ends.is_none_or(|ends| {
                        server.believes_until().is_some_and(|until| until <= ends)
                    })
            });
            if !covered {
                let until = server.believes_until();
                self.breaks(
                    "S2",
                    now,
                    format!("s{index} believes until {until:?}; the router has {holder:?}"),
                );
            }
        }
        if believers > 1 {
            self.breaks("S1", now, format!("{believers} believe at once"));
        }
        self.claimants(now, servers, wire);
        let stuck = judge.kind.secure == Delete::OwnOnly;
        if let Some((invariant, what)) =
            self.liveness
                .after_event(now, servers, judge, stuck, wire)
        {
            self.breaks(invariant, now, what);
        }
        self.broken.take()
    }

    fn holder_changes(&mut self, now: Millis, holder: Option<Ipv4Addr>, servers: &[Server]) {
        if holder == self.holder {
            return;
        }
        for (index, server) in servers.iter().enumerate() {
            if holder != Some(server.address)
                && let Some((_, unbroken)) = &mut self.files[index].last
            {
                *unbroken = Unbroken::No;
            }
        }
        if let Some(before) = self.holder {
            self.calm_only(now, format_args!("the office goes from {before} to {holder:?}"));
        }
        if holder.is_some() {
            self.settled_at.get_or_insert(now);
        }
        self.holder = holder;
    }

    /// C1 (claim 10): of two that hear each other, one goes on.
    fn claimants(&mut self, now: Millis, servers: &[Server], wire: &Wire) {
        let patience = self.config.heartbeat / 2;
        let heirs: Vec<usize> = (0..servers.len())
            .filter(|index| {
                let server = &servers[*index];
                server.runs()
                    && now > server.frozen_until + patience
                    && self.files[*index].heir_since.is_some_and(|since| now > since + patience)
            })
            .collect();
        let heard = |a: usize, b: usize| {
            !wire.cut[a][b]
                && wire.spoiled[a][b].is_none_or(|at| now > at + patience + 2 * self.config.heartbeat)
        };
        for (index, one) in heirs.iter().enumerate() {
            for other in &heirs[index + 1..] {
                if self.config.lan == Lan::Spoken && heard(*one, *other) && heard(*other, *one) {
                    let what = format!("s{one} and s{other} go on as heirs side by side");
                    self.broken.get_or_insert(Broken::new("C1", now, what));
                }
            }
        }
    }
}

/// Whether this server shows the fleet in place of a dead one whose mapping nobody can remove.
pub fn is_deputy(server: &Server) -> bool {
    server.runs()
        && matches!(
            server.state.pursuit,
            Pursuit::Taking {
                grave: Grave::Stuck,
                ..
            }
        )
}

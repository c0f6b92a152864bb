//! One request to the router as the program makes it: read, write, read back, each a call of its
//! own, with the world free to change in between. The same order and the same conclusions as
//! `gateway::verified::{secure, remake, release, evict}`, without the sockets.

use std::net::Ipv4Addr;
use std::time::Duration;

use porthole_election::{
    Asked, Event, Evidence, Owner, OwnerKind, PriorEntry, Renewal, Request, Shown, Timestamp,
};
use porthole_types::ExternalPort;

use super::config::{Millis, leadership};
use super::fake_router::{Call, Described, Reply, Row};
use super::mutants::Mutant;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Reading,
    /// Nothing was read by the port: a second look, in the list.
    Listing,
    Writing,
    ReadingBack,
    ListingBack,
}

/// What the request is about at the moment: one that is made anew is deleted, and then asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Secure(Asked),
    Release,
    Remake,
    Evict(Ipv4Addr),
}

/// A request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// Which of this server's requests; answers to earlier ones are not waited for any more.
    pub id: u64,
    pub request: Request,
    part: Part,
    phase: Phase,
    /// Calls so far: a reply to an earlier one comes too late.
    pub calls: u32,
    before: Before,
    /// When the router granted it the time before.
    last_granted: Option<Timestamp>,
    read_at: Timestamp,
    sent_at: Timestamp,
    looked_at: Timestamp,
    /// The lease that is tried; 0 has no end.
    asked: Millis,
    refusal: Option<Refusal>,
}

/// What stood on the port when it was first read, with what was left of its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Before {
    Free,
    Ours(Option<Millis>),
    Unclear(Option<Millis>),
    Theirs(Option<Millis>),
}

/// Why a write came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Refusal {
    Code(u16),
    NoAnswer,
}

/// What a router was found to take (`gateway::LeaseFallback`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LeaseStep {
    #[default]
    AsAsked,
    Permanent,
}

/// What using the router has taught (`gateway::verified::Learned`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Learned {
    pub lease_step: LeaseStep,
    /// A mapping was seen, anybody's.
    seen: bool,
    /// How often in a row nothing was seen after a yes.
    blanks: u32,
    /// The router lists what it does not show by the port.
    lists_only: bool,
    /// When the representative's mapping and the own one were granted, and shown whole, last.
    granted_at: [Option<(ExternalPort, Timestamp)>; 2],
}

impl Learned {
    /// A reading of the table.
    pub fn read_table(&mut self, rows: usize) {
        if rows > 0 {
            self.saw();
        }
    }

    /// Whether a lease that shows all of itself does so long after it was granted.
    fn shows_granted(job: &Job, old: Millis) -> bool {
        let last = job.last_granted;
        old == job.asked && last.is_some_and(|at| job.sent_at.0 >= at.0 + 2_000)
    }

    fn granted(&mut self, port: ExternalPort, at: Timestamp) {
        self.granted_at[usize::from(port != leadership())] = Some((port, at));
    }

    /// The port is asked for: from now on nobody knows whether the last grant stands.
    fn asks(&mut self, port: ExternalPort) -> Option<Timestamp> {
        let last = self.granted_at[usize::from(port != leadership())].take();
        last.filter(|(granted, _)| *granted == port)
            .map(|(_, at)| at)
    }

    fn saw(&mut self) {
        self.seen = true;
        self.blanks = 0;
    }
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum Next {
    Call(Call),
    Answer(Event),
}

/// Whose a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Free,
    Ours(Option<Millis>),
    Theirs(Option<(Owner, Option<Millis>)>),
    Unclear(Described, Option<Millis>),
}

/// What the router shows of a lease that it has just granted.
#[derive(Clone, Copy)]
enum LeaseRead {
    /// It shows no mapping.
    Nothing,
    /// So much is left; `None` has no end.
    Left(Option<Millis>),
}

/// Who goes on with a job, and when.
pub struct Hand<'a> {
    pub me: Ipv4Addr,
    pub now: Timestamp,
    pub learned: &'a mut Learned,
    pub mutant: Mutant,
}

impl Job {
    /// The request and its first call.
    pub fn new(id: u64, request: Request, now: Timestamp, learned: Learned) -> (Self, Call) {
        let job = Self {
            id,
            request,
            part: match request {
                Request::Secure { asked, .. } => Part::Secure(asked),
                Request::Remake { .. } => Part::Remake,
                Request::Release(_) => Part::Release,
                Request::Evict { from, .. } => Part::Evict(from),
            },
            phase: Phase::Reading,
            calls: 1,
            before: Before::Free,
            last_granted: None,
            read_at: now,
            sent_at: now,
            looked_at: now,
            asked: 0,
            refusal: None,
        };
        (job, job.look(learned))
    }

    fn port(&self) -> ExternalPort {
        self.request.port()
    }

    /// Whether the reply that it waits for is that to a write.
    pub fn is_writing(&self) -> bool {
        self.phase == Phase::Writing
    }

    fn look(&self, learned: Learned) -> Call {
        if learned.lists_only {
            Call::List
        } else {
            Call::Read(self.port())
        }
    }

    /// What comes after this reply to its last call; none is a time-out.
    pub fn go_on(&mut self, reply: Option<&Reply>, hand: &mut Hand<'_>) -> Next {
        self.calls += 1;
        let next = match self.phase {
            Phase::Writing => self.written(reply, hand),
            _ => match holder(reply, self.port(), hand.me) {
                Some(holder) => self.looked(holder, hand),
                None if self.phase == Phase::Listing || self.phase == Phase::ListingBack => {
                    self.looked(Holder::Free, hand)
                }
                None if self.phase == Phase::Reading && !matches!(self.part, Part::Release) => {
                    Next::Answer(Event::NotAsked(self.request))
                }
                None => Next::Answer(Event::Failed(self.request)),
            },
        };
        if let Next::Call(Call::Add(..)) = next {
            self.sent_at = hand.now;
            self.last_granted = hand.learned.asks(self.port()).or(self.last_granted);
        }
        next
    }

    fn looked(&mut self, holder: Holder, hand: &mut Hand<'_>) -> Next {
        let listed = matches!(self.phase, Phase::Listing | Phase::ListingBack);
        if holder != Holder::Free {
            hand.learned.saw();
            hand.learned.lists_only |= listed;
        }
        let first = matches!(self.phase, Phase::Reading | Phase::Listing);
        let second_look = match self.part {
            Part::Release => first,
            Part::Secure(Asked::Again) => true,
            Part::Secure(Asked::First) => !first,
            Part::Evict(_) | Part::Remake => false,
        };
        if holder == Holder::Free && second_look && !listed && !hand.learned.lists_only {
            self.phase = if first {
                Phase::Listing
            } else {
                Phase::ListingBack
            };
            return Next::Call(Call::List);
        }
        if first {
            self.first_read(holder, hand)
        } else {
            self.read_back(holder, hand)
        }
    }

    fn first_read(&mut self, holder: Holder, hand: &mut Hand<'_>) -> Next {
        let port = self.port();
        self.phase = Phase::Writing;
        self.before = match holder {
            Holder::Free | Holder::Theirs(None) => Before::Free,
            Holder::Ours(left) => Before::Ours(left),
            Holder::Unclear(_, left) => Before::Unclear(left),
            Holder::Theirs(Some((_, left))) => Before::Theirs(left),
        };
        match (self.part, holder) {
            (Part::Secure(_), Holder::Theirs(Some(entry))) => {
                Next::Answer(taken(port, Some(entry)))
            }
            (Part::Secure(asked), Holder::Unclear(described, left))
                if asked == Asked::First || described == Described::AsAnother =>
            {
                Next::Answer(taken_by_nobody_knows_whom(port, left))
            }
            (Part::Secure(_), Holder::Ours(None))
                if hand.learned.lease_step == LeaseStep::Permanent =>
            {
                Next::Answer(self.secured(None, Evidence::ReadBack, Renewal::Extended))
            }
            (Part::Secure(_), _) => {
                self.asked = self.lease_to_ask(hand);
                Next::Call(Call::Add(port, self.asked))
            }
            (Part::Release, holder) => match holder {
                Holder::Free if hand.learned.seen => Next::Answer(Event::Released(port)),
                Holder::Theirs(_) | Holder::Unclear(Described::AsAnother, _) => {
                    Next::Answer(Event::Released(port))
                }
                Holder::Free | Holder::Ours(_) | Holder::Unclear(..) => {
                    Next::Call(Call::Delete(port))
                }
            },
            (Part::Remake, holder) => match holder {
                Holder::Theirs(entry) => Next::Answer(taken(port, entry)),
                Holder::Unclear(Described::AsAnother, left) => {
                    Next::Answer(taken_by_nobody_knows_whom(port, left))
                }
                Holder::Free => self.add_at_once(hand),
                Holder::Ours(_) | Holder::Unclear(..) => Next::Call(Call::Delete(port)),
            },
            (Part::Evict(from), holder) => match holder {
                Holder::Free | Holder::Ours(_) => Next::Answer(Event::Evicted(port)),
                Holder::Theirs(Some((owner, _))) if owner.address == from => {
                    Next::Call(Call::Delete(port))
                }
                Holder::Theirs(entry) => Next::Answer(taken(port, entry)),
                Holder::Unclear(_, left) => Next::Answer(taken_by_nobody_knows_whom(port, left)),
            },
        }
    }

    /// What the router has deleted is asked for again without a look in between.
    fn add_at_once(&mut self, hand: &Hand<'_>) -> Next {
        self.part = Part::Secure(Asked::Again);
        self.asked = self.lease_to_ask(hand);
        Next::Call(Call::Add(self.port(), self.asked))
    }

    fn lease_to_ask(&self, hand: &Hand<'_>) -> Millis {
        let answer = hand.now.after(self.read_at).as_secs() as Millis;
        let outlasts = if answer < 2 { 0 } else { (answer + 1) * 12_000 };
        match (hand.learned.lease_step, self.request) {
            (LeaseStep::AsAsked, Request::Secure { lease, .. } | Request::Remake { lease, .. }) => {
                (lease.as_millis() as Millis).max(outlasts)
            }
            _ => 0,
        }
    }

    fn written(&mut self, reply: Option<&Reply>, hand: &mut Hand<'_>) -> Next {
        if self.part == Part::Remake {
            if reply == Some(&Reply::Done) {
                self.before = Before::Free;
            }
            return self.add_at_once(hand);
        }
        self.refusal = match reply {
            Some(Reply::Refused(725)) if self.asked != 0 => {
                self.asked = 0;
                return Next::Call(Call::Add(self.port(), 0));
            }
            Some(Reply::Refused(code)) => Some(Refusal::Code(*code)),
            None => Some(Refusal::NoAnswer),
            Some(_) => None,
        };
        if hand.mutant == Mutant::NoReadBack && self.refusal.is_none() {
            let port = self.port();
            return match self.part {
                Part::Secure(_) => {
                    Next::Answer(self.secured(span(self.asked), Evidence::ReadBack, Renewal::New))
                }
                Part::Release | Part::Remake => Next::Answer(Event::Released(port)),
                Part::Evict(_) => Next::Answer(Event::Evicted(port)),
            };
        }
        self.phase = Phase::ReadingBack;
        self.looked_at = hand.now;
        Next::Call(self.look(*hand.learned))
    }

    fn read_back(&mut self, holder: Holder, hand: &mut Hand<'_>) -> Next {
        let port = self.port();
        match self.part {
            Part::Secure(_) => Next::Answer(self.secure_ends(holder, hand)),
            Part::Release | Part::Remake => Next::Answer(self.release_ends(holder, hand)),
            Part::Evict(from) => Next::Answer(match (holder, self.before) {
                (Holder::Free | Holder::Ours(_), _) => Event::Evicted(port),
                // A lease only falls until somebody renews it: the owner lives.
                (Holder::Theirs(Some((owner, left))), Before::Theirs(old))
                    if owner.address == from && left <= old =>
                {
                    Event::Irremovable(port)
                }
                (Holder::Theirs(entry), _) => taken(port, entry),
                (Holder::Unclear(_, left), _) => taken_by_nobody_knows_whom(port, left),
            }),
        }
    }

    fn release_ends(&self, holder: Holder, hand: &Hand<'_>) -> Event {
        let refused = matches!(self.refusal, Some(Refusal::Code(606 | 714)));
        let there = match holder {
            Holder::Ours(_) | Holder::Unclear(Described::AsOurs, _) => true,
            Holder::Unclear(Described::Otherwise, _) => !refused,
            Holder::Unclear(Described::AsAnother, _) | Holder::Free | Holder::Theirs(_) => false,
        };
        let unknown =
            holder == Holder::Free && !hand.learned.seen && self.refusal == Some(Refusal::NoAnswer);
        if there || unknown {
            Event::Failed(self.request)
        } else {
            Event::Released(self.port())
        }
    }

    fn secure_ends(&mut self, holder: Holder, hand: &mut Hand<'_>) -> Event {
        let port = self.port();
        match self.refusal {
            None => match holder {
                Holder::Theirs(entry) => taken(port, entry),
                Holder::Unclear(Described::AsAnother, left) => {
                    taken_by_nobody_knows_whom(port, left)
                }
                Holder::Free => {
                    hand.learned.blanks += 1;
                    if hand.learned.seen || hand.learned.blanks < 2 {
                        return Event::Failed(self.request);
                    }
                    self.granted(LeaseRead::Nothing, Evidence::Answer, hand)
                }
                Holder::Unclear(_, left) => {
                    self.granted(LeaseRead::Left(left), Evidence::Answer, hand)
                }
                Holder::Ours(left) => self.granted(LeaseRead::Left(left), Evidence::ReadBack, hand),
            },
            Some(refusal) => self.refused(refusal, holder, hand),
        }
    }

    fn refused(&mut self, refusal: Refusal, holder: Holder, hand: &mut Hand<'_>) -> Event {
        let port = self.port();
        let shown = match (holder, self.before) {
            (Holder::Theirs(entry), _) => return taken(port, entry),
            (Holder::Free, Before::Free) if refusal == Refusal::Code(728) => {
                return Event::NoRoom(port);
            }
            (Holder::Ours(left), Before::Free | Before::Unclear(_)) => {
                return self.granted(LeaseRead::Left(left), Evidence::ReadBack, hand);
            }
            (Holder::Unclear(..), Before::Free | Before::Ours(_))
                if refusal == Refusal::NoAnswer =>
            {
                return Event::Failed(self.request);
            }
            (Holder::Unclear(_, left), Before::Free | Before::Ours(_) | Before::Theirs(_)) => {
                return taken_by_nobody_knows_whom(port, left);
            }
            (Holder::Unclear(Described::AsAnother, left), _) => {
                return taken_by_nobody_knows_whom(port, left);
            }
            (Holder::Ours(_) | Holder::Unclear(Described::AsOurs, _), _) => Shown::Ours,
            (Holder::Unclear(Described::Otherwise, _), _) => Shown::Nothing,
            (Holder::Free, _) if hand.learned.seen => Shown::Nobody,
            (Holder::Free, _) => Shown::Nothing,
        };
        match refusal {
            Refusal::NoAnswer => Event::Failed(self.request),
            // The router can do nothing at the moment.
            Refusal::Code(501) if shown != Shown::Ours => Event::Failed(self.request),
            Refusal::Code(_) => Event::Refused { port, shown },
        }
    }

    /// A mapping that is ours now; with what the router shows to be left of its lease, if it shows
    /// it.
    fn granted(&mut self, shown: LeaseRead, evidence: Evidence, hand: &mut Hand<'_>) -> Event {
        if self.asked == 0 {
            hand.learned.lease_step = LeaseStep::Permanent;
        }
        let elapsed = hand.now.0 - self.sent_at.0;
        let old = match self.before {
            Before::Ours(old) | Before::Unclear(old) => old,
            Before::Free | Before::Theirs(_) => None,
        };
        if let (Some(old), LeaseRead::Left(Some(left))) = (old, shown)
            && self.asked != 0
            && !(left == self.asked && Learned::shows_granted(self, old))
        {
            let apart = hand.now.after(self.read_at).as_millis() as Millis;
            let full = granted(self.asked, Some(left), elapsed) == span(self.asked);
            let renewal = match left > old {
                true if old <= apart + 1_000 => Renewal::Untold,
                true => Renewal::Extended,
                false if old > self.asked => Renewal::New,
                false if full => Renewal::Untold,
                false => Renewal::Unchanged,
            };
            let lease = match renewal {
                Renewal::Extended => granted(self.asked, Some(left), elapsed),
                _ => span((left - 1_000).max(1_000)),
            };
            if left == self.asked {
                hand.learned.granted(self.port(), self.sent_at);
            }
            return self.secured(lease, evidence, renewal);
        }
        if matches!(shown, LeaseRead::Left(Some(left)) if left == self.asked) {
            hand.learned.granted(self.port(), self.sent_at);
        }
        let renewal = match old {
            Some(_) => Renewal::Extended,
            None => Renewal::New,
        };
        let granted = match shown {
            LeaseRead::Nothing => span(self.asked),
            LeaseRead::Left(left) => granted(self.asked, left, elapsed),
        };
        self.secured(granted, evidence, renewal)
    }

    fn secured(&self, granted: Option<Duration>, evidence: Evidence, renewal: Renewal) -> Event {
        Event::Secured {
            port: self.port(),
            sent_at: match renewal {
                Renewal::New => self.read_at,
                Renewal::Unchanged => self.looked_at,
                Renewal::Extended | Renewal::Untold => self.sent_at,
            },
            granted,
            before: match self.before {
                Before::Ours(_) => PriorEntry::Ours,
                Before::Free | Before::Unclear(_) | Before::Theirs(_) => PriorEntry::Free,
            },
            evidence,
            renewal,
        }
    }
}

/// What was granted, as `gateway::verified` concludes it from what is left: a router that counts
/// down shows a little less than it granted.
fn granted(asked: Millis, left: Option<Millis>, elapsed: Millis) -> Option<Duration> {
    match left {
        None => None,
        Some(left) if asked == 0 || left + elapsed + 1_000 >= asked => span(asked),
        Some(left) => Some(Duration::from_millis(left)),
    }
}

fn span(millis: Millis) -> Option<Duration> {
    (millis != 0).then(|| Duration::from_millis(millis))
}

fn taken(port: ExternalPort, entry: Option<(Owner, Option<Millis>)>) -> Event {
    Event::Taken {
        port,
        expires_in: entry.and_then(|(_, left)| left).map(Duration::from_millis),
        by: entry.map(|(owner, _)| owner),
    }
}

fn taken_by_nobody_knows_whom(port: ExternalPort, left: Option<Millis>) -> Event {
    Event::Taken {
        port,
        expires_in: left.map(Duration::from_millis),
        by: None,
    }
}

fn holder(reply: Option<&Reply>, port: ExternalPort, me: Ipv4Addr) -> Option<Holder> {
    match reply? {
        Reply::Entry(row) => Some(holder_of(row.as_ref(), me)),
        Reply::Table(rows) => Some(holder_of(rows.get(&port), me)),
        Reply::Refused(606) => Some(Holder::Theirs(None)),
        Reply::Done | Reply::Refused(_) => None,
    }
}

fn holder_of(row: Option<&Row>, me: Ipv4Addr) -> Holder {
    let Some(row) = row else { return Holder::Free };
    match row.client {
        Some(client) if client == me => Holder::Ours(row.left),
        Some(client) => {
            let kind = match row.described_to(me) {
                Described::Otherwise => OwnerKind::Foreign,
                Described::AsOurs | Described::AsAnother => OwnerKind::Porthole,
            };
            let owner = Owner {
                address: client,
                kind,
            };
            Holder::Theirs(Some((owner, row.left)))
        }
        None => Holder::Unclear(row.described_to(me), row.left),
    }
}

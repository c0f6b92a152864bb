//! One request to the router as the program makes it: read, write, read back, each a call of its
//! own, with the world free to change in between. The same order and the same conclusions as
//! `gateway::verified::{secure, release, evict}`, without the sockets.

use std::net::Ipv4Addr;
use std::time::Duration;

use porthole_election::{Event, Owner, OwnerKind, PriorEntry, Request, Timestamp};

use super::config::Millis;
use super::fake_router::{Call, Reply};
use super::mutants::Mutant;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Reading,
    Writing,
    ReadingBack,
}

/// A request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// Which of this server's requests; answers to earlier ones are not waited for any more.
    pub id: u64,
    pub request: Request,
    phase: Phase,
    /// Calls so far: a reply to an earlier one comes too late.
    pub calls: u32,
    before: PriorEntry,
    /// What was left of the lease of the one to be evicted.
    old_lease: Option<Millis>,
    sent_at: Timestamp,
    /// The lease that is tried; 0 has no end.
    asked: Millis,
    refusal: Option<Refusal>,
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
}

impl Job {
    /// The request and its first call.
    pub fn new(id: u64, request: Request, now: Timestamp) -> (Self, Call) {
        let job = Self {
            id,
            request,
            phase: Phase::Reading,
            calls: 1,
            before: PriorEntry::Free,
            old_lease: None,
            sent_at: now,
            asked: 0,
            refusal: None,
        };
        (job, Call::Read(request.port()))
    }

    /// What comes after this reply to its last call; none is a time-out.
    pub fn go_on(
        &mut self,
        reply: Option<&Reply>,
        me: Ipv4Addr,
        now: Timestamp,
        lease_step: &mut LeaseStep,
        mutant: Mutant,
    ) -> Next {
        self.calls += 1;
        let next = match self.phase {
            Phase::Reading => match holder(reply, me) {
                Some(holder) => self.first_read(holder, *lease_step),
                None => Next::Answer(Event::Failed(self.request)),
            },
            Phase::Writing => self.written(reply, mutant),
            Phase::ReadingBack => match holder(reply, me) {
                Some(holder) => self.read_back(holder, now, lease_step),
                None => Next::Answer(Event::Failed(self.request)),
            },
        };
        if let Next::Call(Call::Add(..)) = next {
            self.sent_at = now;
        }
        next
    }

    fn first_read(&mut self, holder: Holder, lease_step: LeaseStep) -> Next {
        let port = self.request.port();
        self.phase = Phase::Writing;
        match (self.request, holder) {
            (Request::Secure { .. }, Holder::Theirs(Some(entry))) => {
                Next::Answer(taken(port, Some(entry)))
            }
            (Request::Secure { .. }, Holder::Ours(None)) if lease_step == LeaseStep::Permanent => {
                Next::Answer(self.secured(PriorEntry::Ours, None))
            }
            (Request::Secure { lease, .. }, holder) => {
                self.before = match holder {
                    Holder::Ours(_) => PriorEntry::Ours,
                    Holder::Free | Holder::Theirs(_) => PriorEntry::Free,
                };
                self.asked = match lease_step {
                    LeaseStep::AsAsked => lease.as_millis() as Millis,
                    LeaseStep::Permanent => 0,
                };
                Next::Call(Call::Add(port, self.asked))
            }
            (Request::Release(_), Holder::Free | Holder::Theirs(_)) => {
                Next::Answer(Event::Released(port))
            }
            (Request::Release(_), Holder::Ours(_)) => Next::Call(Call::Delete(port)),
            (Request::Evict { from, .. }, holder) => match holder {
                Holder::Free | Holder::Ours(_) => Next::Answer(Event::Evicted(port)),
                Holder::Theirs(Some((owner, left))) if owner.address == from => {
                    self.old_lease = left;
                    Next::Call(Call::Delete(port))
                }
                Holder::Theirs(entry) => Next::Answer(taken(port, entry)),
            },
        }
    }

    fn written(&mut self, reply: Option<&Reply>, mutant: Mutant) -> Next {
        self.refusal = match reply {
            Some(Reply::Refused(725)) if self.asked != 0 => {
                self.asked = 0;
                return Next::Call(Call::Add(self.request.port(), 0));
            }
            Some(Reply::Refused(code)) => Some(Refusal::Code(*code)),
            None => Some(Refusal::NoAnswer),
            Some(_) => None,
        };
        if mutant == Mutant::NoReadBack && self.refusal.is_none() {
            return match self.request {
                Request::Secure { .. } => Next::Answer(self.secured(self.before, span(self.asked))),
                Request::Release(port) => Next::Answer(Event::Released(port)),
                Request::Evict { port, .. } => Next::Answer(Event::Evicted(port)),
            };
        }
        self.phase = Phase::ReadingBack;
        Next::Call(Call::Read(self.request.port()))
    }

    fn read_back(&mut self, holder: Holder, now: Timestamp, lease_step: &mut LeaseStep) -> Next {
        let port = self.request.port();
        let failed = Event::Failed(self.request);
        let answer = match (self.request, holder) {
            (Request::Secure { .. }, Holder::Theirs(entry)) => taken(port, entry),
            (Request::Secure { .. }, Holder::Free)
                if self.before == PriorEntry::Free && self.refusal == Some(Refusal::Code(728)) =>
            {
                Event::NoRoom(port)
            }
            (Request::Secure { .. }, Holder::Free) => failed,
            (Request::Secure { .. }, Holder::Ours(_))
                if self.refusal.is_some() && self.before == PriorEntry::Ours =>
            {
                failed
            }
            (Request::Secure { .. }, Holder::Ours(left)) => {
                if self.asked == 0 {
                    *lease_step = LeaseStep::Permanent;
                }
                self.secured(
                    self.before,
                    granted(self.asked, left, now.0 - self.sent_at.0),
                )
            }
            (Request::Release(_), Holder::Ours(_)) => failed,
            (Request::Release(_), Holder::Free | Holder::Theirs(_)) => Event::Released(port),
            (Request::Evict { .. }, Holder::Free | Holder::Ours(_)) => Event::Evicted(port),
            // A lease only falls until somebody renews it: the owner lives.
            (Request::Evict { from, .. }, Holder::Theirs(Some((owner, left))))
                if owner.address == from && left <= self.old_lease =>
            {
                Event::Irremovable(port)
            }
            (Request::Evict { .. }, Holder::Theirs(entry)) => taken(port, entry),
        };
        Next::Answer(answer)
    }

    fn secured(&self, before: PriorEntry, granted: Option<Duration>) -> Event {
        Event::Secured {
            port: self.request.port(),
            sent_at: self.sent_at,
            granted,
            before,
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

fn taken(port: porthole_types::ExternalPort, entry: Option<(Owner, Option<Millis>)>) -> Event {
    Event::Taken {
        port,
        expires_in: entry.and_then(|(_, left)| left).map(Duration::from_millis),
        by: entry.map(|(owner, _)| owner),
    }
}

fn holder(reply: Option<&Reply>, me: Ipv4Addr) -> Option<Holder> {
    match reply? {
        Reply::Entry(None) => Some(Holder::Free),
        Reply::Entry(Some((client, _, left))) if *client == me => Some(Holder::Ours(*left)),
        Reply::Entry(Some((client, foreign, left))) => {
            let owner = Owner {
                address: *client,
                kind: if *foreign {
                    OwnerKind::Foreign
                } else {
                    OwnerKind::Porthole
                },
            };
            Some(Holder::Theirs(Some((owner, *left))))
        }
        Reply::Refused(606) => Some(Holder::Theirs(None)),
        _ => None,
    }
}

//! What a server knows: who leads, its own mapping, the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{
    Candidacy, Cause, ClaimStage, Evidence, FailureDetector, Ledger, Owner, RemoteAccess, Request,
    Rules, StaleMapping, Timestamp, Vacancy,
};
use porthole_types::{ExternalPort, InstanceId, Term};

/// All that [`super::step()`] knows. The fields are read by everybody and written only there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The highest term this server knows of.
    pub term: Term,
    /// Leadership, while this server may believe that it has it.
    pub leadership: Option<Leadership>,
    /// This server's other mapping (¶43 steps 12 to 14).
    pub own: Option<OwnMapping>,
    /// The one request whose answer is awaited.
    pub pending: Option<Request>,
    /// Whether a router answers.
    pub router: RouterStatus,
    /// Whether this server is on its way out.
    pub lifecycle: Lifecycle,
    /// Whether it is to be reached from outside at all (¶84).
    pub remote_access: RemoteAccess,
    /// Every mapping that may be on the router because of this server.
    pub ledger: Ledger,
    /// Ports of the range that somebody else holds, as far as known.
    pub taken: BTreeSet<ExternalPort>,
    /// The port to try first: the one held before the power cut.
    pub preferred: Option<ExternalPort>,
    /// What the state file says of leadership: a hint, worth something only if the router agrees.
    pub memory: Memory,
    /// The term that the memory speaks of: a higher one heard of since has ended it.
    pub leadership_term: Term,
    /// Not before then is the representative port tried again.
    pub representative_after: Timestamp,
    /// Not before then is a port of the range tried again.
    pub own_after: Timestamp,
    /// Requests for ports that failed in a row.
    pub failures: u32,
    /// Since when every port of the range has been somebody else's.
    pub crowded_since: Option<Timestamp>,
    /// The representative that this server follows, as far as it has been heard on the LAN.
    pub detector: Option<FailureDetector>,
    /// That nobody leads, from when it is noticed until somebody does.
    pub vacancy: Option<Vacancy>,
    /// How far this server has come in taking a vacant leadership.
    pub candidacy: Candidacy,
    /// The other servers and their ports, as they report them: the order of succession (claim 11).
    pub peers: BTreeMap<InstanceId, PeerReport>,
    /// Who had the representative port at the last tries in a row, without an end to its lease.
    pub foreign_holder: Option<ForeignHolder>,
    /// Whether this server cannot hold two ports for a moment: the table is too small, or the
    /// router takes one mapping to a port of a device.
    pub make_room: MakeRoom,
    /// Ports that the router refuses without showing whose they are.
    pub refusals: Refusals,
    /// How many of the router's ports may lead to one port of this server.
    pub inner: InnerPorts,
    /// What renewing does to a lease on this router.
    pub renewals: Renewals,
    /// When a request to map a port last had no answer: it may be carried out yet.
    pub unanswered_at: Option<Timestamp>,
    /// For how long the port was nobody's when its mapping was made anew last.
    pub last_gap: Option<Duration>,
    /// Whether a port that is missing in the router's list is free.
    pub list: ListTrust,
}

/// Ports that the router refuses although it shows nobody there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Refusals {
    /// How often in a row the representative port was refused.
    pub representative: u32,
    /// That it was refused while this server had no other mapping, so that giving one up is no
    /// use.
    pub alone: bool,
    /// How often in a row it was this server's own, left from before, and could not be renewed.
    pub ours: u32,
    /// The port of the range that was refused last, and how often in a row.
    pub own: Option<(ExternalPort, u32)>,
    /// Ports of the range that were refused so often that the router must use them itself.
    pub reserved: BTreeSet<ExternalPort>,
}

impl Refusals {
    /// Somebody has the representative port, or had it: nothing is known of refusals any more.
    pub(super) fn forget_representative_port(&mut self) {
        self.representative = 0;
        self.alone = false;
        self.ours = 0;
    }
}

/// How many of the router's ports may lead to one port of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InnerPorts {
    /// As many as there are, as far as known.
    Many,
    /// One: the second is refused while there is a first.
    One,
}

/// What renewing does to a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Renewals {
    /// None has shown it yet.
    Unproven,
    /// It began anew once: where another deleted the mapping meanwhile it looks the same.
    ExtendedOnce,
    /// It begins anew.
    Extend,
    /// The last one changed nothing: once can be chance.
    Doubted,
    /// It runs out all the same: the mapping has to be made anew before.
    RunOut,
}

/// Whether the router's list shows every mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListTrust {
    /// It does, as far as known.
    Trusted,
    /// A mapping of this server was missing in it: the router is asked for the port itself.
    Doubted,
    /// It does not: that mapping was there.
    Incomplete,
}

/// What another server last reported of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerReport {
    /// Its port on the router.
    pub external: Option<ExternalPort>,
    /// When it was heard.
    pub heard_at: Timestamp,
}

/// A mapping that shows no end and stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ForeignHolder {
    /// Where it leads, where the router tells.
    pub owner: Option<Owner>,
    /// How many times it was found there in a row.
    pub seen: u32,
    /// When it was first found there.
    pub since: Timestamp,
}

/// Make-before-break needs room for one more mapping; where there is none (728), the successor has
/// to let go first, and not again for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MakeRoom {
    /// There is room, as far as known.
    NotNeeded,
    /// Its own mapping is released next, to make room for the representative port.
    Releasing,
    /// It was given up for this vacancy, and is not again before then.
    Released {
        /// When it may be once more.
        again_at: Timestamp,
    },
}

/// Leadership, with the times that go with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leadership {
    /// The port that it rests on.
    pub port: ExternalPort,
    /// From then on this server must not believe any more that it leads (counted from the *send*
    /// time of the last renewal that succeeded, less the margin).
    pub deadline: Timestamp,
    /// The next renewal.
    pub renew_at: Timestamp,
    /// When it was taken, or taken up again.
    pub since: Timestamp,
    /// Why it came to this server.
    pub cause: Cause,
    /// When the last renewal that succeeded was sent.
    pub checked_at: Timestamp,
    /// When it was answered: the lease asked for has begun by then. Nothing where another write
    /// had no answer since, which may have begun one later.
    pub answered_at: Option<Timestamp>,
    /// The next Inquiry.
    pub inquire_at: Timestamp,
    /// The last Inquiry.
    pub inquired_at: Timestamp,
    /// A term that another server claims to have reached: the router is asked whether that can be.
    pub challenge: Option<Term>,
    /// The lease that the router granted; `None` has no end.
    pub granted: Option<Duration>,
    /// What that the port is this server's rests on.
    pub evidence: Evidence,
    /// That another is heard to lead who would come before this server, if the router cannot tell.
    pub rival: bool,
    /// Since when its mapping has been off the router to be made anew: the port is nobody's for as
    /// long, and this server comes first.
    pub gap_since: Option<Timestamp>,
}

/// A mapping on a port of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnMapping {
    /// The router's port that leads to this server.
    pub port: ExternalPort,
    /// The next renewal.
    pub renew_at: Timestamp,
    /// From then on it cannot be counted on; `None` when it has no end.
    pub lapses_at: Option<Timestamp>,
    /// The lease that the router granted; `None` has no end.
    pub granted: Option<Duration>,
}

/// Whether a router answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouterStatus {
    /// A router was found, and answers.
    Answers,
    /// None does, or none was looked for yet.
    Silent,
}

/// Whether this server means to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifecycle {
    /// It means to stay, in whatever role it has.
    Running,
    /// Yes, but another is to be the representative: it gives up leadership once it has a port of
    /// its own.
    SteppingDown,
    /// It gives back what it holds.
    Leaving,
    /// It has given everything back.
    Gone,
}

/// What the state file says of leadership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Memory {
    /// This server held it when the file was written.
    WasRepresentative,
    /// It did not, or there was no file.
    None,
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The representative port is mapped to it, and it may still believe so.
    Representative,
    /// It has a port of the range.
    Member,
    /// It has no port of the router.
    Alone,
}

impl State {
    /// A server that has just been started, with what its state file says.
    pub fn new(term: Term, preferred: Option<ExternalPort>, memory: Memory) -> Self {
        Self {
            term,
            leadership: None,
            own: None,
            pending: None,
            router: RouterStatus::Silent,
            lifecycle: Lifecycle::Running,
            remote_access: RemoteAccess::On,
            ledger: Ledger::restored(preferred),
            taken: BTreeSet::new(),
            preferred,
            memory,
            leadership_term: term,
            representative_after: Timestamp(0),
            own_after: Timestamp(0),
            failures: 0,
            crowded_since: None,
            detector: None,
            vacancy: None,
            candidacy: Candidacy::None,
            peers: BTreeMap::new(),
            foreign_holder: None,
            make_room: MakeRoom::NotNeeded,
            refusals: Refusals::default(),
            inner: InnerPorts::Many,
            renewals: Renewals::Unproven,
            unanswered_at: None,
            last_gap: None,
            list: ListTrust::Trusted,
        }
    }

    /// The same with the ledger of the run before.
    #[must_use]
    pub fn with_ledger(mut self, ports: impl IntoIterator<Item = ExternalPort>) -> Self {
        self.ledger = Ledger::restored(ports);
        self
    }

    /// Whether it may lead, and so waits for its turn to claim.
    pub fn is_candidate(&self) -> bool {
        self.lifecycle == Lifecycle::Running && self.remote_access == RemoteAccess::On
    }

    /// What this server is at `now`. The deadline counts even when nobody has called `step` since.
    /// Whoever has asked the router to delete the representative mapping does not lead any more,
    /// whatever the answer: another may have it before that comes.
    pub fn role(&self, now: Timestamp) -> Role {
        let held = self.leadership.map(|held| held.port);
        let resigning = matches!(self.lifecycle, Lifecycle::Leaving | Lifecycle::Gone)
            || matches!(self.pending, Some(Request::Release(port)) if Some(port) == held);
        if self
            .leadership
            .is_some_and(|held| now < held.deadline && held.gap_since.is_none())
            && !resigning
        {
            Role::Representative
        } else if self.own.is_some() {
            Role::Member
        } else {
            Role::Alone
        }
    }

    /// Whether the representative's mapping is being made anew by this server, which goes on being
    /// the representative: for a moment the router has nobody on the port.
    pub fn is_in_gap(&self, now: Timestamp) -> bool {
        self.lifecycle == Lifecycle::Running
            && self
                .leadership
                .is_some_and(|held| now < held.deadline && held.gap_since.is_some())
    }

    /// Whether the leadership that this server had last may still be its own: no higher term was
    /// heard of since.
    pub fn may_resume_leadership(&self) -> bool {
        self.memory == Memory::WasRepresentative && self.term == self.leadership_term
    }

    /// The port to write into the state file. The representative port says there that this server
    /// led in the term that stands beside it, so it is not written with a term that another has
    /// begun since.
    pub fn port_to_remember(&self, rules: &Rules, now: Timestamp) -> Option<ExternalPort> {
        let representative_port = rules.representative_port;
        let held = self.own.is_none() && self.may_resume_leadership();
        self.external_port(rules, now)
            .or_else(|| held.then_some(representative_port))
            .or_else(|| self.preferred.filter(|port| *port != representative_port))
    }

    /// The port under which this server can be reached from outside at `now`.
    pub fn external_port(&self, rules: &Rules, now: Timestamp) -> Option<ExternalPort> {
        match self.role(now) {
            // Also while it is made anew: nobody else is to have it.
            _ if self.is_in_gap(now) => Some(rules.representative_port),
            Role::Representative => Some(rules.representative_port),
            Role::Member => self.own.map(|own| own.port),
            Role::Alone => None,
        }
    }

    /// How far this server has come, as its Claims say it.
    pub fn stage(&self) -> ClaimStage {
        match self.candidacy {
            Candidacy::Acquiring {
                mapping: StaleMapping::Permanent | StaleMapping::Reserved,
                ..
            } => ClaimStage::Deputy {
                port: self.own.map(|own| own.port),
            },
            Candidacy::Acquiring { .. } => ClaimStage::Acquiring,
            _ => ClaimStage::Claiming,
        }
    }
}

//! The rules with one of them broken: the invariants are worth something only if they notice.

use std::time::Duration;

use porthole_election::{
    Asked, Candidacy, Cause, ClaimStage, Destination, Effect, ElectionMessage, Entropy, Event,
    Evidence, Leadership, Ledger, Lifecycle, Memory, RemoteAccess, Renewal, Request, Rules, Shown,
    StaleMapping, State, Timestamp, step,
};
use porthole_types::ExternalPort;

use super::config::{Config, leadership};
use super::seeds::run;
use super::trace::Keep;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// Nothing.
    None,
    /// One Inquiry or probe missed is enough.
    ThresholdOne,
    /// A holder believes until it is told otherwise.
    NoDeadline,
    /// The deadline counts from when the answer came.
    DeadlineFromReceipt,
    /// The deadline is the end of the lease, to the millisecond.
    NoMargin,
    /// The router's "OK" is believed.
    NoReadBack,
    /// A claimant does not hear the holder's answer.
    DeafToRefutation,
    /// The failed server's mapping is deleted without asking it once more.
    EvictUnasked,
    /// A new leadership goes by the old term.
    TermNotRaised,
    /// A leadership taken up again begins a new term.
    ReadoptionRaises,
    /// A server that comes back takes what it had, whoever has it now.
    PreemptingReturner,
    /// A server that comes back is what its state file says.
    TrustsStateFile,
    /// The own port is given up before the representative port is held.
    BreakBeforeMake,
    /// Of two claimants none yields.
    BothGoOn,
    /// What may be on the router is forgotten with every step.
    ForgetsLedger,
    /// A renewal that changed nothing, or of which nobody can say, counts as a whole lease.
    BelievesUnextended,
    /// A representative goes on believing while its mapping is made anew.
    BelievesInTheGap,
    /// A list without a row says that nothing is there.
    TrustsEmptyList,
    /// Another port is asked for while one that may be there is not given back.
    AsksBesides,
    /// Where nothing is shown, a port that is refused is given back as if it were its own.
    DeletesBlind,
}

impl Mutant {
    /// One step of the rules, so broken.
    pub fn step(
        self,
        rules: &Rules,
        old: &State,
        event: &Event,
        now: Timestamp,
        entropy: Entropy,
    ) -> (State, Vec<Effect>) {
        match self {
            Self::ThresholdOne => {
                let mut rules = rules.clone();
                rules.missed_limit = 1;
                step(&rules, old, event, now, entropy)
            }
            Self::NoDeadline => {
                let (mut new, effects) = step(rules, old, event, now, entropy);
                if let Some(leadership) = &mut new.leadership {
                    leadership.deadline = now + Duration::from_hours(1);
                }
                (new, effects)
            }
            Self::DeadlineFromReceipt => match event {
                Event::Secured {
                    port,
                    granted,
                    before,
                    evidence,
                    renewal,
                    ..
                } => {
                    let previous = Event::Secured {
                        port: *port,
                        sent_at: now,
                        granted: *granted,
                        before: *before,
                        evidence: *evidence,
                        renewal: *renewal,
                    };
                    step(rules, old, &previous, now, entropy)
                }
                _ => step(rules, old, event, now, entropy),
            },
            Self::NoMargin => {
                let (mut new, effects) = step(rules, old, event, now, entropy);
                if let Some(leadership) = &mut new.leadership {
                    let lease = leadership
                        .granted
                        .unwrap_or(rules.representative_lease)
                        .min(rules.representative_lease);
                    leadership.deadline = leadership.checked_at + lease;
                }
                (new, effects)
            }
            Self::DeafToRefutation => match (event, old.candidacy) {
                (
                    Event::Heard {
                        message:
                            ElectionMessage::Inquiry { .. } | ElectionMessage::ProbeReply { .. },
                        ..
                    },
                    Candidacy::Claiming { .. } | Candidacy::Acquiring { .. },
                ) => step(rules, old, &Event::Tick, now, entropy),
                _ => step(rules, old, event, now, entropy),
            },
            Self::EvictUnasked => evict_unasked(rules, old, event, now, entropy),
            Self::TermNotRaised => {
                let (mut new, effects) = step(rules, old, event, now, entropy);
                if old.leadership.is_none() && new.leadership.is_some() {
                    new.term = old.term;
                }
                (new, effects)
            }
            Self::ReadoptionRaises => {
                let mut forgetful = old.clone();
                if matches!(event, Event::Secured { .. }) {
                    forgetful.memory = Memory::None;
                }
                step(rules, &forgetful, event, now, entropy)
            }
            Self::PreemptingReturner => preempt(rules, old, event, now, entropy),
            Self::BreakBeforeMake => {
                let (mut new, mut effects) = step(rules, old, event, now, entropy);
                break_first(old, &mut new, &mut effects);
                (new, effects)
            }
            Self::BothGoOn => match event {
                Event::Heard {
                    message: ElectionMessage::Claim { .. },
                    ..
                } if matches!(
                    old.candidacy,
                    Candidacy::Claiming { .. } | Candidacy::Acquiring { .. }
                ) =>
                {
                    step(rules, old, &Event::Tick, now, entropy)
                }
                _ => step(rules, old, event, now, entropy),
            },
            Self::ForgetsLedger
            | Self::BelievesUnextended
            | Self::BelievesInTheGap
            | Self::TrustsEmptyList
            | Self::AsksBesides
            | Self::DeletesBlind => self.misled_step(rules, old, event, now, entropy),
            Self::None | Self::NoReadBack | Self::TrustsStateFile => {
                step(rules, old, event, now, entropy)
            }
        }
    }

    /// One step of rules that a router can mislead.
    fn misled_step(
        self,
        rules: &Rules,
        old: &State,
        event: &Event,
        now: Timestamp,
        entropy: Entropy,
    ) -> (State, Vec<Effect>) {
        match self {
            Self::ForgetsLedger => {
                let mut forgetful = old.clone();
                forgetful.ledger = Ledger::default();
                step(rules, &forgetful, event, now, entropy)
            }
            Self::BelievesUnextended => step(rules, old, &as_extended(rules, event), now, entropy),
            Self::BelievesInTheGap => {
                let (mut new, effects) = step(rules, old, event, now, entropy);
                if let Some(leadership) = &mut new.leadership {
                    leadership.gap_since = None;
                }
                (new, effects)
            }
            Self::TrustsEmptyList => {
                let mut trusting = old.clone();
                if let Event::Surveyed { holders, .. } = event
                    && holders.is_empty()
                {
                    let used = |port: &ExternalPort| {
                        old.pending.is_some_and(|asked| asked.port() == *port)
                            || old.own.is_some_and(|own| own.port == *port)
                            || *port == leadership() && old.leadership.is_some()
                    };
                    trusting.ledger = Ledger::restored(old.ledger.ports().filter(used));
                }
                step(rules, &trusting, event, now, entropy)
            }
            Self::AsksBesides => {
                let (mut new, mut effects) = step(rules, old, event, now, entropy);
                ask_besides(rules, &mut new, &mut effects);
                (new, effects)
            }
            Self::DeletesBlind => {
                let (mut new, mut effects) = step(rules, old, event, now, entropy);
                delete_blind(old, event, &mut new, &mut effects);
                (new, effects)
            }
            _ => step(rules, old, event, now, entropy),
        }
    }
}

/// The stale mapping counts as deletable as soon as it is found.
fn evict_unasked(
    rules: &Rules,
    old: &State,
    event: &Event,
    now: Timestamp,
    entropy: Entropy,
) -> (State, Vec<Effect>) {
    let (mut new, effects) = step(rules, old, event, now, entropy);
    let address = new.vacancy.and_then(|vacancy| vacancy.address);
    if let (Candidacy::Waiting { round, .. } | Candidacy::Claiming { round, .. }, Some(from)) =
        (new.candidacy, address)
    {
        new.candidacy = Candidacy::Acquiring {
            round,
            mapping: StaleMapping::Deletable { from },
            repeat_at: now,
        };
        if let Some(vacancy) = &mut new.vacancy {
            vacancy.silent_until = Some(now + rules.heartbeat);
        }
        let (newer, more) = step(rules, &new, &Event::Tick, now, entropy);
        return (newer, effects.into_iter().chain(more).collect());
    }
    (new, effects)
}

/// The leadership that it remembers is its own: what another has there is deleted.
fn preempt(
    rules: &Rules,
    old: &State,
    event: &Event,
    now: Timestamp,
    entropy: Entropy,
) -> (State, Vec<Effect>) {
    let (mut new, mut effects) = step(rules, old, event, now, entropy);
    if let (
        Memory::WasRepresentative,
        Event::Taken {
            port, by: Some(by), ..
        },
    ) = (old.memory, event)
        && *port == leadership()
        && new.leadership.is_none()
        && old.leadership.is_none()
    {
        let evict = Request::Evict {
            port: leadership(),
            from: by.address,
        };
        new.memory = Memory::WasRepresentative;
        new.pending = Some(evict);
        effects.retain(|effect| !matches!(effect, Effect::Ask(_)));
        effects.push(Effect::Ask(evict));
        effects.push(Effect::Say(
            Destination::Everybody,
            ElectionMessage::Claim {
                term: new.term.next(),
                round: 0,
                stage: ClaimStage::Acquiring,
                cause: Cause::Readopted,
            },
        ));
    }
    (new, effects)
}

/// The request for the representative port is put off: first the own port goes.
fn break_first(old: &State, new: &mut State, effects: &mut [Effect]) {
    let Some(own) = old.own else { return };
    for effect in effects {
        if let Effect::Ask(Request::Secure { port, .. }) = effect
            && *port == leadership()
            && new.leadership.is_none()
            && matches!(new.candidacy, Candidacy::Acquiring { .. })
        {
            *effect = Effect::Ask(Request::Release(own.port));
            new.pending = Some(Request::Release(own.port));
        }
    }
}

/// Whatever the router did to the lease, it counts as if it ran anew.
fn as_extended(rules: &Rules, event: &Event) -> Event {
    let mut event = event.clone();
    if let Event::Secured {
        port,
        granted,
        renewal,
        ..
    } = &mut event
        && matches!(renewal, Renewal::Unchanged | Renewal::Untold)
    {
        *renewal = Renewal::Extended;
        *granted = Some(if *port == leadership() {
            rules.representative_lease
        } else {
            rules.lease
        });
    }
    event
}

/// Instead of asking again for a port of the range that may be there, or giving it back, another
/// one is asked for.
fn ask_besides(rules: &Rules, new: &mut State, effects: &mut [Effect]) {
    let stays = new.lifecycle == Lifecycle::Running && new.remote_access == RemoteAccess::On;
    if !stays || new.own.is_some() || new.leadership.is_some() {
        return;
    }
    for effect in effects {
        if let Effect::Ask(request) = effect
            && request.port() != leadership()
            && (matches!(request, Request::Release(_)) || is_again(*request))
            && let Some(port) = rules
                .range
                .ports()
                .find(|port| !new.taken.contains(port) && !new.ledger.has(*port))
        {
            let besides = Request::Secure {
                port,
                lease: rules.lease,
                asked: Asked::First,
            };
            new.ledger = Ledger::restored(new.ledger.ports().chain([port]));
            new.pending = Some(besides);
            *effect = Effect::Ask(besides);
        }
    }
}

fn is_again(request: Request) -> bool {
    let asked = Asked::Again;
    matches!(request, Request::Secure { asked: known, .. } if known == asked)
}

/// What cannot be seen is deleted.
fn delete_blind(old: &State, event: &Event, new: &mut State, effects: &mut Vec<Effect>) {
    if let Event::Refused {
        port,
        shown: Shown::Nothing,
    } = event
        && *port == leadership()
        && old.leadership.is_none()
        && old.pending.is_some_and(|asked| asked.port() == *port)
    {
        let release = Request::Release(*port);
        new.pending = Some(release);
        effects.retain(|effect| !matches!(effect, Effect::Ask(_)));
        effects.push(Effect::Ask(release));
    }
}

/// The file says that it leads, so it believes so.
pub fn believe(state: &mut State, rules: &Rules, now: Timestamp) {
    if state.memory == Memory::WasRepresentative {
        state.leadership = Some(Leadership {
            port: leadership(),
            deadline: now + rules.representative_lease,
            renew_at: now + Rules::renewal(rules.representative_lease),
            since: now,
            cause: Cause::Readopted,
            checked_at: now,
            answered_at: Some(now),
            inquire_at: now,
            inquired_at: now,
            challenge: None,
            granted: Some(rules.representative_lease),
            evidence: Evidence::ReadBack,
            rival: false,
            gap_since: None,
        });
    }
}

/// Every mutant, with the invariants that it offends.
const CAUGHT_BY: &[(Mutant, &[&str])] = &[
    (Mutant::ThresholdOne, &["S3"]),
    (Mutant::NoDeadline, &["S1", "S2"]),
    (Mutant::DeadlineFromReceipt, &["S2"]),
    (Mutant::NoMargin, &["S2"]),
    (Mutant::NoReadBack, &["S2"]),
    (Mutant::DeafToRefutation, &["E1", "S3"]),
    (Mutant::EvictUnasked, &["E1"]),
    (Mutant::TermNotRaised, &["S4"]),
    (Mutant::ReadoptionRaises, &["S5"]),
    (Mutant::PreemptingReturner, &["E1"]),
    (Mutant::TrustsStateFile, &["S1", "S2"]),
    (Mutant::BreakBeforeMake, &["M1"]),
    (Mutant::BothGoOn, &["C1"]),
    (Mutant::ForgetsLedger, &["P1", "P2"]),
    (Mutant::BelievesUnextended, &["S2"]),
    (Mutant::BelievesInTheGap, &["S2"]),
    (Mutant::TrustsEmptyList, &["P2"]),
    (Mutant::AsksBesides, &["P1", "L1"]),
    // The port is nobody's then, while its holder believes or until it has it again.
    (Mutant::DeletesBlind, &["S1d", "S2", "E1", "L1"]),
];

impl Mutant {
    /// The routers on which it is looked for, by the way in which they mislead: chance alone meets
    /// them too seldom. Nothing is any router.
    fn routers(self) -> &'static [&'static str] {
        match self {
            Self::BelievesUnextended => &["renewal keeps the end"],
            Self::BelievesInTheGap => &["renewal keeps the end", "renewal refused"],
            Self::TrustsEmptyList => &["shows nothing", "lists nothing"],
            Self::DeletesBlind => &["shows nothing"],
            _ => &[],
        }
    }
}

/// How many seeds a mutant may survive.
const SEEDS: u64 = 1_500;

#[test]
fn every_broken_rule_is_noticed_by_the_invariant_that_it_offends() {
    let mut survivors = Vec::new();
    for (mutant, expected) in CAUGHT_BY {
        let routers = mutant.routers();
        let suits =
            |seed: &u64| routers.is_empty() || routers.contains(&Config::of(*seed).router.odd);
        let mut seeds = (0..).filter(suits).take(SEEDS as usize);
        // What it breaks first on another seed may be a consequence.
        let caught = seeds.find_map(|seed| {
            let broken = run(seed, *mutant, Keep::Hash).broken?;
            let offended = expected.contains(&broken.invariant);
            offended.then_some((seed, broken))
        });
        let Some((seed, broken)) = caught else {
            survivors.push(format!(
                "{mutant:?} breaks none of {expected:?} on {SEEDS} seeds"
            ));
            continue;
        };
        println!(
            "{mutant:?}: caught by {} on seed {seed}: {broken}",
            broken.invariant
        );
        let sound = run(seed, Mutant::None, Keep::Hash).broken;
        if let Some(broken) = sound {
            survivors.push(format!(
                "seed {seed} breaks the rules as they are: {broken}"
            ));
        }
    }
    assert!(survivors.is_empty(), "{survivors:#?}");
}

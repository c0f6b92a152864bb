//! What the others say, and how far it is believed. Words start questions and set the order of
//! succession; they move no mapping by themselves: that is between each server and the router.

use std::cmp::Reverse;
use std::time::Duration;

use super::adopt::plausible;
use super::candidacy::{Candidacy, StaleMapping};
use super::context::StepContext;
use super::leadership::verify_soon;
use super::stale_mapping::warn_evicted;
use super::state::Memory;
use super::succession::{declare_vacant, rank, wait_to_claim, yield_to};
use super::{
    Cause, ClaimStage, Destination, ElectionMessage, FailureDetector, FormerRole, MakeRoom, Peer,
    PeerReport, Rules, State, Timestamp, Vacancy,
};
use crate::{Detection, Succession};
use porthole_types::forget_oldest;
use porthole_types::{ExternalPort, InstanceId, Term};

/// Servers that are kept in mind. Beyond it the one heard longest ago goes.
const MOST_PEERS: usize = 512;

/// Another server reported itself.
pub(super) fn reported(
    state: &mut State,
    from: Peer,
    external: Option<ExternalPort>,
    term: Term,
    context: &StepContext,
) {
    let heard_at = context.now;
    let known = state
        .peers
        .insert(from.id, PeerReport { external, heard_at });
    if known.is_none() {
        inquire_soon(state, context); // a newcomer learns at once whom to follow
    }
    forget_oldest(&mut state.peers, MOST_PEERS, |seen| seen.heard_at);
    if state.leadership.is_none() {
        state.adopt(term);
    } else if term > state.term {
        challenged(state, term, context);
    }
}

/// A message of the election.
pub(super) fn heard(
    state: &mut State,
    from: Peer,
    message: ElectionMessage,
    context: &mut StepContext,
) {
    match message {
        ElectionMessage::Inquiry {
            term,
            cause,
            held_ms,
        } => {
            let since = context.now - Duration::from_millis(held_ms);
            inquiry(state, from, term, cause, since, context);
        }
        ElectionMessage::ProbeReply { term } => reply(state, from, term, context),
        ElectionMessage::Claim {
            term,
            round,
            stage,
            cause,
        } => claim(
            state,
            from,
            term,
            IncomingClaim {
                round,
                stage,
                cause,
            },
            context,
        ),
        ElectionMessage::Withdrawal {
            term,
            of,
            former_role,
        } => withdrawal(state, from, term, of, former_role, context),
        ElectionMessage::Probe { of } => {
            let meant = of.is_none_or(|id| id == context.rules.me);
            if meant && state.leadership.is_some() {
                context.say(
                    Destination::One(from.address),
                    ElectionMessage::ProbeReply { term: state.term },
                );
            }
        }
    }
}

/// Somebody else says that it leads.
fn inquiry(
    state: &mut State,
    from: Peer,
    term: Term,
    cause: Cause,
    since: Timestamp,
    context: &mut StepContext,
) {
    if !plausible(state.term, term) {
        return;
    }
    if state.leadership.is_some() {
        // Two believe, and in whatever terms: the router says which of them is right (S1d).
        let known = state.term;
        if let Some(leadership) = &mut state.leadership {
            leadership.rival |= term > known || term == known && from.id < context.rules.me;
        }
        challenged(state, term, context);
        verify_soon(state, context);
        return;
    }
    if let Some(detector) = &mut state.detector
        && detector.id == Some(from.id)
        && term < detector.term
    {
        // The followed one itself, in a lower term: it has lost its state file. It lives all the
        // same (E1), and begins a term above when it hears of the higher one.
        detector.address = from.address;
        detector.alive(context);
        return;
    }
    // One that only the router named is known by its address.
    let known = state.detector.is_some_and(|detector| {
        detector.id == Some(from.id) || (detector.id.is_none() && detector.address == from.address)
    });
    if let Some(vacancy) = state.vacancy.filter(|v| is_previous(v, from)) {
        // The second copy of its last Inquiry may come after its Withdrawal.
        let echo = vacancy.cause == Cause::Withdrawal
            && term <= vacancy.term
            // Leadership taken up again after the Withdrawal is a new one; and that may have come
            // late.
            && since + context.rules.heartbeat < vacancy.since
            && context.now < vacancy.since + context.rules.heartbeat / 4;
        if echo {
            return;
        }
        if term < vacancy.term {
            leave_mapping_alone(state, context);
            return;
        }
    } else if !known {
        let rival = state.detector.is_some_and(|detector| {
            detector.is_live(context.rules, context.now)
                && !detector.is_doubtful()
                && term <= detector.term
        });
        if term < state.term || rival {
            return; // a leadership that has ended, and its holder has yet to notice
        }
    }
    follow(state, from, term, cause, since, context);
}

/// Whether leadership is vacant because this one was taken for gone. One that only the router named
/// is known by its address.
fn is_previous(vacancy: &Vacancy, from: Peer) -> bool {
    match vacancy.previous {
        Some(id) => id == from.id,
        None => vacancy.address == Some(from.address),
    }
}

/// Takes `from` for the representative.
fn follow(
    state: &mut State,
    from: Peer,
    term: Term,
    cause: Cause,
    since: Timestamp,
    context: &mut StepContext,
) {
    match &mut state.detector {
        Some(detector) if detector.id == Some(from.id) && detector.term == term => {
            detector.address = from.address;
            detector.alive(context);
        }
        _ => state.detector = Some(FailureDetector::of(from, term, cause, since, context)),
    }
    if matches!(
        state.candidacy,
        Candidacy::Acquiring {
            mapping: StaleMapping::Deleted,
            ..
        }
    ) {
        warn_evicted(state, context);
    }
    state.adopt(term);
    state.memory = Memory::None; // whatever it held has ended with this one's term
    state.ledger.strike(context.rules.representative_port);
    state.refusals.forget_representative_port();
    state.vacancy = None;
    state.candidacy = Candidacy::None;
    state.foreign_holder = None;
    state.make_room = MakeRoom::NotNeeded;
    // It renews while it lives: what the router has for it ends no sooner than this after its last
    // word.
    state.representative_after = context.now + context.rules.representative_lease;
}

/// The answer to a question of ours: whoever was doubted lives.
fn reply(state: &mut State, from: Peer, term: Term, context: &mut StepContext) {
    if state.leadership.is_some() || !plausible(state.term, term) {
        return;
    }
    state.adopt(term); // it has been led in, whoever that was (S4)
    if let Some(detector) = &mut state.detector {
        let unheard = detector.id.is_none() && detector.address == from.address;
        if detector.id == Some(from.id) {
            detector.alive(context); // in whatever term: it may have lost its state file
            return;
        }
        if unheard {
            follow(state, from, term, Cause::Free, context.now, context);
        }
        return;
    }
    let Some(vacancy) = state.vacancy.filter(|v| is_previous(v, from)) else {
        return;
    };
    let asked = matches!(
        state.candidacy,
        Candidacy::Acquiring {
            mapping: StaleMapping::Asking { .. },
            ..
        }
    );
    if term < vacancy.term {
        leave_mapping_alone(state, context);
    } else if asked || vacancy.cause != Cause::Withdrawal {
        follow(state, from, term, Cause::Free, context.now, context);
    }
}

/// The previous representative lives and leads in a lower term, as after the loss of its
/// file. It hears of the higher one by the next reports and begins a term above it: until then its
/// mapping is left alone.
fn leave_mapping_alone(state: &mut State, context: &StepContext) {
    if let Some(vacancy) = &mut state.vacancy {
        vacancy.silent_until = None;
    }
    if let Candidacy::Claiming { round, .. } | Candidacy::Acquiring { round, .. } = state.candidacy
    {
        state.candidacy = Candidacy::Waiting {
            claim_at: context.now + context.rules.silence(),
            round,
        };
    }
}

/// A Claim, as far as the order of succession goes.
#[derive(Clone, Copy)]
struct IncomingClaim {
    round: u32,
    stage: ClaimStage,
    cause: Cause,
}

fn claim(
    state: &mut State,
    from: Peer,
    term: Term,
    incoming: IncomingClaim,
    context: &mut StepContext,
) {
    if state.leadership.is_some() {
        // Refutation: a claimant is told at once that somebody leads, and the router is asked
        // whether that is so.
        inquire_soon(state, context);
        verify_soon(state, context);
        return;
    }
    // A Claim raises nobody's term: only leadership does.
    if term <= state.term && state.vacancy.is_none_or(|v| term <= v.term) {
        return;
    }
    if let Some(detector) = state.detector {
        if !detector.is_doubtful() && detector.is_live(context.rules, context.now) {
            return; // it lives, and will say so itself
        }
        declare_vacant(state, &detector, incoming.cause, context);
    }
    let settled = incoming.stage > ClaimStage::Claiming;
    match state.candidacy {
        // The second copy of the Claim that collided with this server's own: both are to wait a
        // random time now, and neither for the other (claim 10).
        Candidacy::Waiting { round, .. } if !settled && incoming.round < round => {}
        Candidacy::None | Candidacy::Waiting { .. } => {
            yield_to(state, from, incoming.stage, context);
        }
        Candidacy::Yielding { to, stage, .. } => {
            let theirs = (settled, Reverse(rank(state, context.rules, from.id)));
            let known = (
                stage > ClaimStage::Claiming,
                Reverse(rank(state, context.rules, to.id)),
            );
            if to.id == from.id || theirs > known {
                yield_to(state, from, incoming.stage, context);
            }
        }
        Candidacy::Claiming { round, .. } => {
            let next = round.max(incoming.round) + 1;
            if settled {
                yield_to(state, from, incoming.stage, context);
            } else if context.rules.succession == Succession::Random && next < TIE {
                wait_to_claim(state, next, context); // each waits a random time again (claim 10)
            } else if outranks(state, context.rules, from.id, next) {
                // The rule names this server (claim 12): it says so again, and the other gives way.
                let claim_at = context.now;
                state.candidacy = Candidacy::Waiting {
                    claim_at,
                    round: next,
                };
            } else {
                yield_to(state, from, incoming.stage, context);
            }
        }
        Candidacy::Acquiring {
            ref mut repeat_at, ..
        } => {
            if settled && from.id < context.rules.me {
                yield_to(state, from, incoming.stage, context);
            } else {
                *repeat_at = context.now; // it has not heard yet that there is a successor
            }
        }
    }
}

/// After so many collisions in a row the lower id decides: chance that always falls alike is no
/// chance, and two that do not know each other's ports would each believe to come first.
const TIE: u32 = 4;

/// Whether this server comes before the other.
fn outranks(state: &State, rules: &Rules, other: InstanceId, round: u32) -> bool {
    if round >= TIE {
        return rules.me < other;
    }
    rank(state, rules, rules.me) < rank(state, rules, other)
}

fn withdrawal(
    state: &mut State,
    from: Peer,
    term: Term,
    of: InstanceId,
    former_role: FormerRole,
    context: &mut StepContext,
) {
    if from.id != of {
        // Hearsay: worth a question to the one it names, no more.
        if let Some(detector) = state.detector.filter(|detector| detector.id == Some(of)) {
            context.probe(detector.address, detector.id);
        }
        return;
    }
    state.peers.remove(&of);
    if let Candidacy::Yielding { to, until, .. } = &mut state.candidacy
        && to.id == of
    {
        *until = context.now; // the successor has gone as well
    }
    if former_role == FormerRole::Representative {
        // It may have given back what is this server's by now.
        verify_soon(state, context);
        if state.leadership.is_none() && term >= state.leadership_term {
            state.memory = Memory::None; // the port was another's since
        }
    }
    let known = state.detector.filter(|detector| detector.id == Some(of));
    let current = known.map_or(term >= state.term, |detector| term >= detector.term);
    let enabled = context.rules.detection.contains(&Detection::Withdrawal);
    if former_role == FormerRole::Member || !enabled || !current || state.leadership.is_some() {
        return;
    }
    match (known, state.detector, state.vacancy) {
        (Some(detector), _, _) => {
            declare_vacant(state, &detector, Cause::Withdrawal, context);
            wait_to_claim(state, 0, context);
        }
        (None, None, None) if plausible(state.term, term) => {
            // Never heard to lead, and its Withdrawal says that it did.
            state.adopt(term);
            let detector = FailureDetector::of(from, term, Cause::Free, context.now, context);
            declare_vacant(state, &detector, Cause::Withdrawal, context);
            wait_to_claim(state, 0, context);
        }
        _ => {}
    }
}

/// Somebody says that a term as high as this one has begun elsewhere: the router is asked
/// whether that can be. Nobody steps down on a message alone; a server that was replaced learns it
/// by this question (S1d).
fn challenged(state: &mut State, term: Term, context: &StepContext) {
    let known = state.term;
    let Some(leadership) = &mut state.leadership else {
        return;
    };
    if term < known || !plausible(known, term) {
        return;
    }
    leadership.challenge = leadership.challenge.max(Some(term));
    verify_soon(state, context);
}

/// The next Inquiry goes out at once, though not more often than this.
fn inquire_soon(state: &mut State, context: &StepContext) {
    if let Some(leadership) = &mut state.leadership {
        let at = context
            .now
            .max(leadership.inquired_at + context.rules.claim_window() / 2);
        leadership.inquire_at = leadership.inquire_at.min(at);
    }
}

//! Somebody else's mapping on the representative port: of a live server, of one that failed, or of
//! somebody unknown.

use std::time::Duration;

use super::candidacy::{Candidacy, StaleMapping, Vacancy};
use super::context::StepContext;
use super::leadership::lose_leadership;
use super::state::{ForeignHolder, Memory};
use super::{
    Cause, ClaimStage, Destination, ElectionMessage, FailureDetector, LanMessaging, Owner,
    OwnerKind, State, Timestamp,
};
use porthole_types::Term;

/// How often a port is looked at that nobody expects to become free.
pub(super) const SELDOM: Duration = Duration::from_mins(5);

/// The representative port is somebody else's.
pub(super) fn held_by_another(
    state: &mut State,
    expires_in: Option<Duration>,
    by: Option<Owner>,
    context: &mut StepContext,
) {
    if state.leadership.is_some() {
        lose_leadership(state, context); // lost: step down, never fight over it
    }
    state.memory = Memory::None;
    state.term = state.term.max(Term(1)); // its holder has begun one
    if let Candidacy::Acquiring { mapping, .. } = state.candidacy
        && let Some(vacancy) = state.vacancy
        && is_of_previous(&vacancy, by)
        && !was_renewed(&vacancy, mapping, expires_in, context.now)
    {
        found_stale_mapping(state, vacancy, mapping, expires_in, by, context);
        return;
    }
    if matches!(
        state.candidacy,
        Candidacy::Yielding {
            stage: ClaimStage::Deputy { .. },
            ..
        }
    ) {
        // Not this server's: the deputy looks after it.
        state.representative_after = context.now + SELDOM;
        return;
    }
    // Held by somebody who lives, or of whom nothing is known: its lease decides.
    state.candidacy = Candidacy::None;
    state.vacancy = None;
    let lease = context.rules.representative_lease;
    let Some(expires_in) = expires_in else {
        note_foreign_holder(state, by, context);
        return;
    };
    state.foreign_holder = None;
    // Look again when it would lapse if nobody renews it; a survey may see it go sooner.
    state.representative_after = context.now + expires_in.clamp(context.rules.retry(), lease);
}

/// Whether the mapping is the one that the previous representative left behind. Where the router
/// does not tell, nobody else can have been quicker either: it would have been heard.
fn is_of_previous(vacancy: &Vacancy, by: Option<Owner>) -> bool {
    by.is_none_or(|by| vacancy.address == Some(by.address))
}

/// Whether its owner has renewed it since it was taken for failed.
fn was_renewed(
    vacancy: &Vacancy,
    mapping: StaleMapping,
    expires_in: Option<Duration>,
    now: Timestamp,
) -> bool {
    /// Routers count in whole seconds.
    const COARSE: Duration = Duration::from_millis(1500);
    let renewed = match (vacancy.lapses_at, expires_in) {
        (Some(known), Some(expires_in)) => now + expires_in > known + COARSE,
        _ => false,
    };
    renewed || mapping == StaleMapping::Deleted
}

/// The successor finds the previous representative's mapping: it is deleted once, if the silence of
/// its owner is certain, and waited for otherwise.
fn found_stale_mapping(
    state: &mut State,
    vacancy: Vacancy,
    mapping: StaleMapping,
    expires_in: Option<Duration>,
    by: Option<Owner>,
    context: &StepContext,
) {
    let (rules, now) = (context.rules, context.now);
    // A lease in its last second may read as none at all.
    let just_over = |at: &Timestamp| now < *at + rules.retry();
    let lapses_at = expires_in
        .map(|left| now + left)
        .or(vacancy.lapses_at.filter(just_over));
    state.vacancy = Some(Vacancy {
        lapses_at,
        ..vacancy
    });
    let certain = vacancy.silent_until.is_some_and(|until| now <= until);
    let mapping = match (mapping, by) {
        (StaleMapping::Unknown, Some(by)) if certain => {
            StaleMapping::Deletable { from: by.address }
        }
        (StaleMapping::Unknown, Some(_)) => StaleMapping::Asking {
            asked: 0,
            ask_at: now,
        },
        // Hidden from us: the router would not let us delete it.
        (StaleMapping::Unknown, None) => StaleMapping::Undeletable,
        (StaleMapping::Undeletable | StaleMapping::Permanent, _) if lapses_at.is_none() => {
            StaleMapping::Permanent
        }
        (mapping, _) => mapping,
    };
    set_stale_mapping(state, mapping);
    state.representative_after = match lapses_at {
        // At the end of its lease, and a few times after: routers count in whole seconds. Sooner
        // where that is far: it may have been shortened since, or be gone.
        Some(at) => at
            .max(now + rules.slot())
            .min(now + rules.representative_lease),
        None => {
            state.failures = state.failures.saturating_add(1);
            // Not seldom: where entries are hidden, nothing else tells that a lease has ended.
            now + rules.patience(state.failures).min(rules.silence() * 2)
        }
    };
}

/// A mapping that shows no end, by somebody who was never heard on the LAN. Where it is a server
/// like this one, and it still stands after a lease's time, that server is probed; if it does not
/// answer, it counts as gone. Nobody else can be asked: of them only the router can tell.
fn note_foreign_holder(state: &mut State, by: Option<Owner>, context: &StepContext) {
    let (rules, now) = (context.rules, context.now);
    let lease = rules.representative_lease;
    let (seen, since) = match state.foreign_holder {
        Some(known) if known.owner == by => (known.seen.saturating_add(1), known.since),
        _ => (0, now),
    };
    state.foreign_holder = Some(ForeignHolder {
        owner: by,
        seen,
        since,
    });
    let stands = now.after(since);
    let wait = match by {
        Some(owner) if owner.kind == OwnerKind::Porthole => {
            lease.saturating_mul(1_u32.checked_shl(seen).unwrap_or(u32::MAX))
        }
        // The lease of one that failed, which the router hides, has ended within this time; and
        // another program may have wanted the port for a moment.
        _ if stands < lease => (rules.silence() * 2).min(lease),
        // Then somebody renews it, or it has no end; or it is another's by now.
        None => lease / 2,
        Some(_) => stands,
    };
    state.representative_after = now + wait.min(SELDOM);
    if let Some(owner) = by
        && owner.kind == OwnerKind::Porthole
        && seen > 0
        && rules.lan == LanMessaging::Enabled
        && !state
            .detector
            .is_some_and(|detector| detector.is_live(rules, now))
    {
        state.detector = Some(FailureDetector::unheard(owner.address, state.term, context));
    }
}

/// Whoever is followed again may have lost its mapping to this server meanwhile, and would notice
/// at its next renewal only. A Claim, to it alone, makes it ask the router at once (S1d).
pub(super) fn warn_evicted(state: &State, context: &mut StepContext) {
    if let Some(detector) = state.detector {
        let message = ElectionMessage::Claim {
            term: state.term.next(),
            round: 0,
            stage: ClaimStage::Acquiring,
            cause: Cause::MissedHeartbeats,
        };
        context.say(Destination::One(detector.address), message);
    }
}

/// The successor does not get through to the router: it is silent for long enough that another
/// takes its turn.
pub(super) fn yield_to_successor(state: &mut State, context: &StepContext) {
    if let Candidacy::Acquiring { round, .. } = state.candidacy {
        state.candidacy = Candidacy::Waiting {
            claim_at: context.now + context.rules.silence() * 2,
            round: round + 1,
        };
    }
}

/// What is known of the mapping in the way, if this server is the successor.
pub(super) fn set_stale_mapping(state: &mut State, found: StaleMapping) {
    if let Candidacy::Acquiring { mapping, .. } = &mut state.candidacy {
        *mapping = found;
    }
}

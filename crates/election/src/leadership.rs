//! Leadership, gained and lost.

use std::time::Duration;

use super::candidacy::Candidacy;
use super::context::StepContext;
use super::state::{Lifecycle, Memory, TableFullFallback};
use super::{Cause, FormerRole, Leadership, PriorEntry, Rules, State, Timestamp};
use porthole_types::Term;

/// Whatever the reason, whoever stops leading says so: the others need not wait for its silence.
pub(super) fn lose_leadership(state: &mut State, context: &mut StepContext) {
    if let Some(leadership) = state.leadership.take() {
        context.announce_withdrawal(state.term, FormerRole::Representative);
        if let Some(challenge) = leadership.challenge {
            state.adopt(challenge); // what it would not believe while it led was true
        }
        if state.lifecycle == Lifecycle::SteppingDown {
            state.lifecycle = Lifecycle::Running;
        }
    }
    state.memory = Memory::None;
    state.representative_after = context.now;
    state.own_after = context.now;
}

/// The representative port is this server's, as read back.
pub(super) fn leadership_secured(
    state: &mut State,
    sent_at: Timestamp,
    granted: Option<Duration>,
    before: PriorEntry,
    context: &mut StepContext,
) {
    let (rules, now) = (context.rules, context.now);
    state.failures = 0;
    let lease = granted
        .unwrap_or(rules.representative_lease)
        .min(rules.representative_lease);
    let deadline = sent_at + lease.saturating_sub(Rules::margin(lease));
    if deadline <= now {
        // The answer took longer than the lease allows: it proves nothing about now.
        let memory = state.memory;
        lose_leadership(state, context);
        if before == PriorEntry::Ours {
            // S5: asked again, it may yet be the leadership of before the power cut.
            state.memory = memory;
        }
        return;
    }
    let readopted = before == PriorEntry::Ours && state.may_resume_leadership();
    let held = state.leadership;
    if held.is_none() && !readopted {
        state.term = state.term.next(); // S4: each change raises the term; S5: re-adoption keeps it
    }
    if let Some(challenge) = held.and_then(|held| held.challenge)
        && challenge >= state.term
    {
        // The router says that the other's term never began here: this one goes on above it.
        state.term = challenge.next();
    }
    let cause = match (held, state.vacancy) {
        (Some(held), _) => held.cause,
        (None, _) if before == PriorEntry::Ours => Cause::Readopted,
        (None, Some(vacancy)) => vacancy.cause,
        (None, None) if state.term > Term(1) => Cause::LeaseLost,
        (None, None) => Cause::Free,
    };
    let overdue = held.is_some_and(|held| held.challenge.is_some());
    state.leadership = Some(Leadership {
        deadline,
        renew_at: sent_at + Rules::renewal(lease),
        since: held.map_or(now, |held| held.since),
        cause,
        checked_at: sent_at,
        inquire_at: held
            .filter(|_| !overdue)
            .map_or(now, |held| held.inquire_at),
        inquired_at: held.map_or(now, |held| held.inquired_at),
        challenge: None,
        granted,
    });
    state.memory = Memory::WasRepresentative;
    state.leadership_term = state.term;
    state.detector = None;
    state.vacancy = None;
    state.candidacy = Candidacy::None;
    state.foreign_holder = None;
    state.table_full = TableFullFallback::NotNeeded;
}

/// The router is asked at once whether this server still holds the representative port, though not
/// more often than this: a flood of messages must not become a flood of requests.
pub(super) fn verify_soon(state: &mut State, context: &StepContext) {
    if let Some(leadership) = &mut state.leadership {
        let at = context
            .now
            .max(leadership.checked_at + context.rules.reply_wait());
        leadership.renew_at = leadership.renew_at.min(at);
    }
}

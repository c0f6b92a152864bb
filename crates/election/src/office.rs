//! The office, taken and left.

use std::time::Duration;

use super::pursuit::Pursuit;
use super::state::{Memory, Squeeze, Stay};
use super::turn::Turn;
use super::{Before, Cause, Moment, Office, Post, Rules, State};
use porthole_types::Term;

/// Whatever the reason, whoever leaves the office says so: the others need not wait for its silence.
pub(super) fn leave_office(state: &mut State, turn: &mut Turn) {
    if let Some(office) = state.office.take() {
        turn.farewell(state.term, Post::Representative);
        if let Some(challenge) = office.challenge {
            state.adopt(challenge); // what it would not believe in office was true
        }
        if state.stay == Stay::SteppingDown {
            state.stay = Stay::Staying;
        }
    }
    state.memory = Memory::None;
    state.office_after = turn.now;
    state.own_after = turn.now;
}

/// The representative port is this server's, as read back.
pub(super) fn office_secured(
    state: &mut State,
    sent_at: Moment,
    granted: Option<Duration>,
    before: Before,
    turn: &mut Turn,
) {
    let (rules, now) = (turn.rules, turn.now);
    state.failures = 0;
    let lease = granted
        .unwrap_or(rules.representative_lease)
        .min(rules.representative_lease);
    let deadline = sent_at + lease.saturating_sub(Rules::margin(lease));
    if deadline <= now {
        // The answer took longer than the lease allows: it proves nothing about now.
        let memory = state.memory;
        leave_office(state, turn);
        if before == Before::Ours {
            state.memory = memory; // S5: asked again, it may yet be the office of before the power cut
        }
        return;
    }
    let readopted = before == Before::Ours && state.remembers_office();
    let held = state.office;
    if held.is_none() && !readopted {
        state.term = state.term.next(); // S4: each change raises the term; S5: re-adoption keeps it
    }
    if let Some(challenge) = held.and_then(|held| held.challenge)
        && challenge >= state.term
    {
        // The router says that the other's term never began here: this office goes on above it.
        state.term = challenge.next();
    }
    let cause = match (held, state.vacancy) {
        (Some(held), _) => held.cause,
        (None, _) if before == Before::Ours => Cause::Readopted,
        (None, Some(vacancy)) => vacancy.cause,
        (None, None) if state.term > Term(1) => Cause::LeaseLost,
        (None, None) => Cause::Free,
    };
    let overdue = held.is_some_and(|held| held.challenge.is_some());
    state.office = Some(Office {
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
    state.memory = Memory::HeldOffice;
    state.office_term = state.term;
    state.watch = None;
    state.vacancy = None;
    state.pursuit = Pursuit::None;
    state.squatter = None;
    state.squeeze = Squeeze::None;
}

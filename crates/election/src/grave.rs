//! Somebody else's mapping on the representative port: alive, dead, or unknown.

use std::time::Duration;

use super::office::leave_office;
use super::pursuit::{Grave, Pursuit, Vacancy};
use super::state::{Memory, Squatter};
use super::turn::Turn;
use super::{Bid, Kin, Lan, Moment, Owner, State, Watch};
use porthole_types::Term;

/// How often a port is looked at that nobody expects to become free.
const SELDOM: Duration = Duration::from_mins(5);

/// The representative port is somebody else's.
pub(super) fn office_taken(
    state: &mut State,
    expires_in: Option<Duration>,
    by: Option<Owner>,
    turn: &mut Turn,
) {
    if state.office.is_some() {
        leave_office(state, turn); // lost: step down, never fight over it
    }
    state.memory = Memory::None;
    state.term = state.term.max(Term(1)); // its holder has begun one
    if let Pursuit::Taking { grave, .. } = state.pursuit
        && let Some(vacancy) = state.vacancy
        && is_late(&vacancy, by)
        && !lives(&vacancy, grave, expires_in, turn.now)
    {
        stand_at_the_grave(state, vacancy, grave, expires_in, by, turn);
        return;
    }
    if matches!(
        state.pursuit,
        Pursuit::Deferring {
            bid: Bid::Deputy { .. },
            ..
        }
    ) {
        state.office_after = turn.now + SELDOM; // not this server's: the deputy looks after it
        return;
    }
    // Held by somebody who lives, or of whom nothing is known: its lease decides.
    state.pursuit = Pursuit::None;
    state.vacancy = None;
    let lease = turn.rules.representative_lease;
    let Some(expires_in) = expires_in else {
        squat(state, by, turn);
        return;
    };
    state.squatter = None;
    // Look again when it would lapse if nobody renews it; a survey may see it go sooner.
    state.office_after = turn.now + expires_in.clamp(turn.rules.retry(), lease);
}

/// Whether the mapping is the one that the late representative left behind. Where the router does not tell, nobody
/// else can have been quicker either: it would have been heard.
fn is_late(vacancy: &Vacancy, by: Option<Owner>) -> bool {
    by.is_none_or(|by| vacancy.address == Some(by.address))
}

/// Whether its owner has renewed it since it was given up for dead.
fn lives(vacancy: &Vacancy, grave: Grave, expires_in: Option<Duration>, now: Moment) -> bool {
    /// Routers count in whole seconds.
    const COARSE: Duration = Duration::from_millis(1500);
    let renewed = match (vacancy.lapses_at, expires_in) {
        (Some(known), Some(expires_in)) => now + expires_in > known + COARSE,
        _ => false,
    };
    renewed || grave == Grave::Emptied
}

/// The heir finds the dead one's mapping: it is deleted once, if its silence is certain, and waited for otherwise.
fn stand_at_the_grave(
    state: &mut State,
    vacancy: Vacancy,
    grave: Grave,
    expires_in: Option<Duration>,
    by: Option<Owner>,
    turn: &Turn,
) {
    let (rules, now) = (turn.rules, turn.now);
    // A lease in its last second may read as none at all.
    let just_over = |at: &Moment| now < *at + rules.retry();
    let lapses_at = expires_in
        .map(|left| now + left)
        .or(vacancy.lapses_at.filter(just_over));
    state.vacancy = Some(Vacancy {
        lapses_at,
        ..vacancy
    });
    let certain = vacancy.silent_until.is_some_and(|until| now <= until);
    let grave = match (grave, by) {
        (Grave::Unseen, Some(by)) if certain => Grave::Open { from: by.address },
        (Grave::Unseen, Some(_)) => Grave::Asking {
            asked: 0,
            ask_at: now,
        },
        (Grave::Unseen, None) => Grave::Sealed, // hidden from us: the router would not let us delete it
        (Grave::Sealed | Grave::Stuck, _) if lapses_at.is_none() => Grave::Stuck,
        (grave, _) => grave,
    };
    set_grave(state, grave);
    state.office_after = match lapses_at {
        // At the end of its lease, and a few times after: routers count in whole seconds.
        Some(at) => at.max(now + rules.slot()),
        None => {
            state.failures = state.failures.saturating_add(1);
            // Not seldom: where entries are hidden, nothing else tells that a lease has ended.
            now + rules.patience(state.failures).min(rules.silence() * 2)
        }
    };
}

/// A mapping without an end by somebody who was never heard on the LAN. Where it is a server like this one, and it
/// still stands after a lease's time, that server is asked directly; if it does not answer, the office counts as vacant.
fn squat(state: &mut State, by: Option<Owner>, turn: &Turn) {
    let seen = match (state.squatter, by) {
        (Some(squatter), Some(owner)) if squatter.owner == owner => squatter.seen.saturating_add(1),
        _ => 0,
    };
    state.squatter = by.map(|owner| Squatter { owner, seen });
    let wait = turn
        .rules
        .representative_lease
        .saturating_mul(1_u32.checked_shl(seen).unwrap_or(u32::MAX));
    state.office_after = turn.now + wait.min(SELDOM);
    if let Some(owner) = by
        && owner.kin == Kin::Porthole
        && seen > 0
        && turn.rules.lan == Lan::Spoken
        && !state
            .watch
            .is_some_and(|watch| watch.is_lively(turn.rules, turn.now))
    {
        state.watch = Some(Watch::stranger(owner.address, state.term, turn));
    }
}

/// The heir does not get through to the router: it is silent for long enough that another takes its turn.
pub(super) fn yield_turn(state: &mut State, turn: &Turn) {
    if let Pursuit::Taking { round, .. } = state.pursuit {
        state.pursuit = Pursuit::Standing {
            speak_at: turn.now + turn.rules.silence() * 2,
            round: round + 1,
        };
    }
}

/// What is found in the way of this server, if it is the heir.
pub(super) fn set_grave(state: &mut State, found: Grave) {
    if let Pursuit::Taking { grave, .. } = &mut state.pursuit {
        *grave = found;
    }
}

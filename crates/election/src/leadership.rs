//! Leadership, gained and lost.

use std::time::Duration;

use super::candidacy::Candidacy;
use super::context::StepContext;
use super::remaking::{renewal_changed_nothing, renewal_extended, wait_for_the_end};
use super::state::{InnerPorts, Lifecycle, MakeRoom, Memory, Renewals};
use super::{
    Cause, Evidence, FormerRole, Leadership, PriorEntry, Renewal, Rules, State, Timestamp,
};
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

/// Where a router was seen to extend leases, one of which nobody can say was extended, too. The
/// same where so much of it would be over by now that it would show, and of a lease so short that
/// its end would come before that.
fn believed(secured: Secured, state: &State, rules: &Rules, now: Timestamp) -> Renewal {
    /// Two seconds: routers show whole ones, and requests take time; and their clocks differ.
    const SHOWS: Duration = Duration::from_millis(2_500);
    let long_ago = state
        .leadership
        .filter(|held| held.gap_since.is_none() && held.granted == Some(rules.representative_lease))
        .and_then(|held| held.answered_at)
        .is_some_and(|answered_at| {
            secured.sent_at.after(answered_at) > SHOWS + now.after(secured.sent_at)
        });
    let shows = long_ago || rules.representative_lease < SHOWS * 3;
    match secured.renewal {
        Renewal::Untold if shows || state.renewals == Renewals::Extend => Renewal::Extended,
        renewal => renewal,
    }
}

/// The longest lease that is believed. Longer ones are renewed as those that were asked for; on a
/// router that takes so long that they would run out meanwhile, longer ones were. Not while an
/// earlier request, for a shorter one, may yet be carried out.
fn longest_lease(state: &State, sent_at: Timestamp, rules: &Rules, now: Timestamp) -> Duration {
    /// Longer than a request is waited for, and than it is under way.
    const LATE: Duration = Duration::from_secs(30);
    let may_come = |at: Timestamp| now.after(at) < LATE;
    if state.unanswered_at.is_some_and(may_come) {
        return rules.representative_lease;
    }
    let outlasts = now.after(sent_at) * ANSWERS_IN_A_LEASE;
    rules.representative_lease.max(outlasts)
}

/// The next renewal. What is left of a lease that is shorter than the one asked for is no reason to
/// hurry.
fn renewal_at(sent_at: Timestamp, lease: Duration, now: Timestamp, rules: &Rules) -> Timestamp {
    let at = sent_at + Rules::renewal(lease);
    if lease < rules.representative_lease {
        at.max(now + rules.heartbeat / 2)
    } else {
        at
    }
}

/// So much of a lease has to be over before a reading tells whether it was extended: routers show
/// whole seconds.
const TELLS: Duration = Duration::from_millis(1_500);

/// So often a lease outlasts a write and its reading back, at the least.
const ANSWERS_IN_A_LEASE: u32 = 6;

/// A mapping that is this server's, as far as the router says.
#[derive(Clone, Copy)]
pub(super) struct Secured {
    pub(super) sent_at: Timestamp,
    pub(super) granted: Option<Duration>,
    pub(super) before: PriorEntry,
    pub(super) evidence: Evidence,
    pub(super) renewal: Renewal,
}

/// The representative port is this server's.
pub(super) fn leadership_secured(state: &mut State, secured: Secured, context: &mut StepContext) {
    let (rules, now) = (context.rules, context.now);
    let Secured {
        sent_at,
        granted,
        before,
        ..
    } = secured;
    let renewal = believed(secured, state, rules, now);
    state.failures = 0;
    // Of one that is believed to be extended what is left says nothing.
    let granted = match (secured.renewal, renewal) {
        (Renewal::Untold, Renewal::Extended) => Some(rules.representative_lease),
        _ => granted,
    };
    let longest = longest_lease(state, sent_at, rules, now);
    let lease = granted.unwrap_or(rules.representative_lease).min(longest);
    let held_before = state.leadership.filter(|held| held.gap_since.is_none());
    let deadline = match (renewal, held_before) {
        // All that is certain is what was.
        (Renewal::Untold, Some(held)) => held.deadline,
        _ => sent_at + lease.saturating_sub(Rules::margin(lease)),
    };
    if deadline <= now {
        // The answer took longer than the lease allows: it proves nothing about now.
        let memory = state.memory;
        lose_leadership(state, context);
        if before == PriorEntry::Ours {
            // S5: asked again, it may yet be the leadership of before the power cut.
            state.memory = memory;
        }
        if renewal == Renewal::Unchanged {
            state.refusals.ours = state.refusals.ours.saturating_add(1);
        }
        state.representative_after = now + rules.heartbeat / 2; // no slow answer makes a flood
        return;
    }
    if secured.evidence == Evidence::Answer && state.leadership.is_some_and(|held| held.rival) {
        // A yes that nobody can check is no proof against another who leads: on such a router both
        // may be told yes for ever.
        lose_leadership(state, context);
        state.representative_after = now + rules.representative_lease;
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
        port: rules.representative_port,
        deadline,
        renew_at: match (renewal, held_before) {
            (Renewal::Untold, Some(held)) => {
                // Soon, but not before it can be told.
                (held.checked_at + Rules::renewal(lease)).max(now + TELLS)
            }
            _ => renewal_at(sent_at, lease, now, rules),
        },
        since: held.map_or(now, |held| held.since),
        cause,
        checked_at: match (renewal, held_before) {
            (Renewal::Untold, Some(held)) => held.checked_at,
            _ => sent_at,
        },
        answered_at: match (renewal, held_before) {
            (Renewal::Untold, Some(held)) => held.answered_at,
            _ => Some(now),
        },
        inquire_at: held
            .filter(|_| !overdue)
            .map_or(now, |held| held.inquire_at),
        inquired_at: held.map_or(now, |held| held.inquired_at),
        challenge: None,
        granted,
        evidence: secured.evidence,
        rival: false,
        gap_since: None,
    });
    candidacy_is_over(state, held, now);
    match renewal {
        Renewal::Unchanged => renewal_changed_nothing(state, context),
        Renewal::New | Renewal::Untold => wait_for_the_end(state, context),
        Renewal::Extended => renewal_extended(state, context),
    }
}

/// It leads: what was known of a vacancy and of the way to it is past.
fn candidacy_is_over(state: &mut State, held: Option<Leadership>, now: Timestamp) {
    if let Some(began) = held.and_then(|held| held.gap_since) {
        state.last_gap = Some(now.after(began));
    }
    state.memory = Memory::WasRepresentative;
    state.leadership_term = state.term;
    state.detector = None;
    state.vacancy = None;
    state.candidacy = Candidacy::None;
    state.foreign_holder = None;
    state.make_room = MakeRoom::NotNeeded;
    if state.own.is_none() && state.refusals.representative > 0 && !state.refusals.alone {
        state.inner = InnerPorts::One; // refused before its own mapping was given up, and not since
    }
    state.refusals.forget_representative_port();
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

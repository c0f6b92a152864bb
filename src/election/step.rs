//! `step`: an event changes what is known.

use std::collections::BTreeMap;
use std::time::Duration;

use super::plan::plan;
use super::state::{Memory, Router, Stay};
use super::{
    Before, Chance, Effect, Event, Holding, Moment, Office, Request, Rules, Seen, State, Whose,
};
use crate::ids::{ExternalPort, Term};

/// The one function of the election: from the state, what happened and the time, the new state and
/// what to do. It neither fails nor blocks, and the same arguments always give the same answer.
#[must_use]
pub fn step(
    rules: &Rules,
    old: &State,
    event: &Event,
    now: Moment,
    _chance: Chance,
) -> (State, Vec<Effect>) {
    let mut new = old.clone();
    expire(&mut new, now);
    learn(rules, &mut new, event, now);
    let mut effects = Vec::new();
    if memorable(&new) != memorable(old) {
        effects.push(Effect::Remember);
    }
    plan(rules, &mut new, now, &mut effects);
    (new, effects)
}

/// What must survive a power cut.
fn memorable(state: &State) -> impl PartialEq + use<> {
    (
        state.term,
        state.office.is_some(),
        state.own.map(|own| own.port),
    )
}

/// Time alone ends what was not renewed (S1: a holder stops believing by its own clock).
fn expire(state: &mut State, now: Moment) {
    if state.office.is_some_and(|office| now >= office.deadline) {
        leave_office(state, now);
    }
    if state
        .own
        .and_then(|own| own.lapses_at)
        .is_some_and(|end| now >= end)
    {
        state.own = None;
        state.own_after = now;
    }
}

fn leave_office(state: &mut State, now: Moment) {
    state.office = None;
    state.memory = Memory::None;
    state.office_after = now;
    state.own_after = now;
}

fn learn(rules: &Rules, state: &mut State, event: &Event, now: Moment) {
    match event {
        Event::Tick => {}
        Event::Awoke => state.pending = None,
        Event::RouterFound => {
            state.router = Router::Answers;
            state.pending = None;
            state.taken.clear();
            state.failures = 0;
            state.office_after = now;
            state.own_after = now;
            // What is held is confirmed at once: it may be another router, or one that forgot.
            if let Some(office) = &mut state.office {
                office.renew_at = now;
            }
            if let Some(own) = &mut state.own {
                own.renew_at = now;
            }
        }
        Event::RouterLost => {
            state.router = Router::Silent;
            state.pending = None;
        }
        Event::AddressChanged => {
            leave_office(state, now);
            state.preferred = state.own.take().map(|own| own.port).or(state.preferred);
            state.pending = None;
        }
        Event::Surveyed { holders, seen } => survey(rules, state, holders, *seen, now),
        Event::Secured {
            port,
            sent_at,
            granted,
            before,
        } => {
            if settles(
                state,
                |r| matches!(r, Request::Secure { port: p, .. } if p == *port),
            ) {
                secured(rules, state, *port, *sent_at, *granted, *before, now);
            }
        }
        Event::Taken {
            port, expires_in, ..
        } => {
            if settles(state, |r| r.port() == *port) {
                taken(rules, state, *port, *expires_in, now);
            }
        }
        Event::Failed(request) => {
            if settles(state, |r| r == *request) {
                failed(rules, state, *request, now);
            }
        }
        Event::Released(port) => {
            if settles(state, |r| r == Request::Release(*port)) {
                released(rules, state, *port, now);
            }
        }
        Event::NoRoom(_)
        | Event::Evicted(_)
        | Event::Irremovable(_)
        | Event::Heard { .. }
        | Event::StepDown => {}
        Event::Reported { term, .. } => {
            // A term that no string of changes of office can have reached is a lie: taking it up
            // would let one forged datagram use up the numbers.
            const LEAP: u64 = 1 << 32;
            if *term > state.term && term.0 - state.term.0 < LEAP && state.office.is_none() {
                state.term = *term;
            }
        }
        Event::Leave => {
            if state.stay == Stay::Staying {
                state.stay = Stay::Leaving;
            }
        }
    }
}

/// Whether the answer is to what was asked; anything else is late, doubled or invented.
fn settles(state: &mut State, is_answer_to: impl Fn(Request) -> bool) -> bool {
    let answered = state.pending.is_some_and(is_answer_to);
    if answered {
        state.pending = None;
    }
    answered
}

fn survey(
    rules: &Rules,
    state: &mut State,
    holders: &BTreeMap<ExternalPort, Whose>,
    seen: Seen,
    now: Moment,
) {
    let office = rules.representative_port;
    let missing = |port: ExternalPort| seen == Seen::Whole && !holders.contains_key(&port);
    state.taken = holders
        .iter()
        .filter(|(port, whose)| **whose == Whose::Theirs && rules.range.contains(**port))
        .map(|(port, _)| *port)
        .collect();
    let open = rules.range.ports().any(|port| !state.taken.contains(&port));
    if open && state.crowded_since.take().is_some() {
        state.own_after = now;
    }
    // What is gone, or another's, is written and read back at once: that says whose it is.
    if let Some(own) = &mut state.own
        && (missing(own.port) || state.taken.contains(&own.port))
    {
        own.renew_at = now;
    }
    match &mut state.office {
        Some(held) if holders.get(&office) != Some(&Whose::Mine) && seen == Seen::Whole => {
            held.renew_at = now;
        }
        None if missing(office) => state.office_after = now,
        Some(_) | None => {}
    }
    if holders.get(&office) == Some(&Whose::Theirs) {
        // Whoever holds it has begun a term, even where no message on the LAN says which.
        state.term = state.term.max(Term(1));
    }
}

fn secured(
    rules: &Rules,
    state: &mut State,
    port: ExternalPort,
    sent_at: Moment,
    granted: Option<Duration>,
    before: Before,
    now: Moment,
) {
    state.failures = 0;
    if port == rules.representative_port {
        let lease = granted
            .unwrap_or(rules.representative_lease)
            .min(rules.representative_lease);
        let readopted = before == Before::Ours && state.memory == Memory::HeldOffice;
        if state.office.is_none() && !readopted {
            state.term = state.term.next(); // S4: each change raises the term; S5: re-adoption keeps it
        }
        let deadline = sent_at + lease.saturating_sub(Rules::margin(lease));
        if deadline <= now {
            // The answer took longer than the lease allows: it proves nothing about now.
            leave_office(state, now);
            return;
        }
        state.office = Some(Office {
            deadline,
            renew_at: sent_at + Rules::renewal(lease),
            since: state.office.map_or(now, |office| office.since),
            cause: super::Cause::Free,
            checked_at: sent_at,
            inquire_at: now,
            inquired_at: now,
            challenge: None,
            granted,
        });
        state.memory = Memory::HeldOffice;
    } else {
        let lease = granted.unwrap_or(rules.lease).min(rules.lease);
        state.own = Some(Holding {
            port,
            renew_at: sent_at + lease / 2,
            lapses_at: granted.map(|granted| sent_at + granted),
            granted,
        });
        state.preferred = Some(port);
        state.crowded_since = None;
    }
}

fn taken(
    rules: &Rules,
    state: &mut State,
    port: ExternalPort,
    expires_in: Option<Duration>,
    now: Moment,
) {
    if port == rules.representative_port {
        if state.office.is_some() {
            leave_office(state, now); // lost: step down, never fight over it
        }
        state.memory = Memory::None;
        state.term = state.term.max(Term(1)); // its holder has begun one
        let lease = rules.representative_lease;
        // Look again when it would lapse if nobody renews it; a survey may see it go sooner.
        state.office_after = now + expires_in.unwrap_or(lease).clamp(rules.retry(), lease);
    } else {
        if state.own.is_some_and(|own| own.port == port) {
            state.own = None;
        }
        state.taken.insert(port);
    }
}

fn failed(rules: &Rules, state: &mut State, request: Request, now: Moment) {
    state.failures = state.failures.saturating_add(1);
    let later = now + rules.patience(state.failures);
    if request.port() == rules.representative_port {
        state.office_after = later;
        if let Some(office) = &mut state.office {
            office.renew_at = now + rules.retry();
        }
    } else {
        state.own_after = later;
        if let Some(own) = &mut state.own {
            own.renew_at = later;
        }
    }
}

fn released(rules: &Rules, state: &mut State, port: ExternalPort, now: Moment) {
    if port == rules.representative_port {
        leave_office(state, now);
        state.office_after = now + rules.representative_lease; // others first
    } else if state.own.is_some_and(|own| own.port == port) {
        state.own = None;
    }
}

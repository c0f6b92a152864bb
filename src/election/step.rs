//! `step`: an event changes what is known.

use std::collections::BTreeSet;
use std::time::Duration;

use super::plan::plan;
use super::state::{Memory, Router, Stay};
use super::{Before, Effect, Event, Holding, Moment, Office, Request, Rules, State, Vacancy};
use crate::ids::ExternalPort;

/// The one function of the election: from the state, what happened and the time, the new state and
/// what to do. It neither fails nor blocks, and the same arguments always give the same answer.
#[must_use]
pub fn step(rules: &Rules, old: &State, event: &Event, now: Moment) -> (State, Vec<Effect>) {
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
        Event::Surveyed {
            representative,
            taken,
        } => survey(rules, state, *representative, taken, now),
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
        Event::Taken { port, expires_in } => {
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
        Event::Heard(term) => {
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
    representative: Vacancy,
    taken: &BTreeSet<ExternalPort>,
    now: Moment,
) {
    state.taken = taken
        .iter()
        .copied()
        .filter(|port| rules.range.contains(*port))
        .collect();
    if rules.range.ports().any(|port| !state.taken.contains(&port))
        && state.crowded_since.take().is_some()
    {
        state.own_after = now;
    }
    if let Some(own) = &mut state.own
        && state.taken.contains(&own.port)
    {
        own.renew_at = now; // the write-and-read-back will say whose it is
    }
    if representative == Vacancy::Free {
        match &mut state.office {
            Some(office) => office.renew_at = now, // the router has forgotten: write it again
            None => state.office_after = now,
        }
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
    if port == rules.representative_port {
        let lease = granted
            .unwrap_or(rules.representative_lease)
            .min(rules.representative_lease);
        let readopted = before == Before::Ours && state.memory == Memory::HeldOffice;
        if state.office.is_none() && !readopted {
            state.term = state.term.next(); // S4: each change raises the term; S5: re-adoption keeps it
        }
        let deadline = sent_at + lease.saturating_sub(rules.margin());
        if deadline <= now {
            // The answer took longer than the lease allows: it proves nothing about now.
            leave_office(state, now);
            return;
        }
        state.office = Some(Office {
            deadline,
            renew_at: sent_at + (lease / 4).min(rules.office_renewal()),
            since: state.office.map_or(now, |office| office.since),
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
    let again = now + rules.retry();
    if request.port() == rules.representative_port {
        state.office_after = again;
        if let Some(office) = &mut state.office {
            office.renew_at = again;
        }
    } else {
        state.own_after = again;
        if let Some(own) = &mut state.own {
            own.renew_at = again;
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

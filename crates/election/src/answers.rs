//! What the router answered to the one request that was under way.

use std::time::Duration;

use super::exposure::suspect;
use super::grave::{office_taken, set_grave, yield_turn};
use super::office::{leave_office, office_secured};
use super::pursuit::{Grave, Pursuit};
use super::state::{Memory, Squeeze, Stay};
use super::turn::Turn;
use super::{Event, Holding, Moment, Request, State};
use porthole_types::ExternalPort;

/// Takes an answer; one that nobody waits for (late, doubled or invented) changes nothing.
pub(super) fn answered(state: &mut State, event: &Event, turn: &mut Turn) {
    if !state.pending.is_some_and(|asked| is_answer(event, asked)) {
        return;
    }
    state.pending = None;
    let office = turn.rules.representative_port;
    match event {
        Event::Secured {
            port,
            sent_at,
            granted,
            before,
        } if *port == office => office_secured(state, *sent_at, *granted, *before, turn),
        Event::Secured {
            port,
            sent_at,
            granted,
            ..
        } => own_secured(state, *port, *sent_at, *granted, turn),
        Event::Taken {
            port,
            expires_in,
            by,
        } if *port == office => office_taken(state, *expires_in, *by, turn),
        Event::Taken { port, .. } => own_taken(state, *port),
        Event::NoRoom(port) => no_room(state, *port, turn),
        Event::Evicted(_) => {
            set_grave(state, Grave::Emptied);
            state.office_after = turn.now;
        }
        Event::Irremovable(_) => {
            // Asked for again at once: the answer says how long the lease has yet to run.
            set_grave(state, Grave::Sealed);
            state.office_after = turn.now;
        }
        Event::Failed(request) => failed(state, *request, turn),
        Event::Released(port) => released(state, *port, turn),
        _ => {}
    }
}

/// Whether this event is what the router can answer to that request.
fn is_answer(event: &Event, asked: Request) -> bool {
    match (event, asked) {
        (Event::Secured { port, .. }, Request::Secure { port: asked, .. })
        | (Event::Evicted(port) | Event::Irremovable(port), Request::Evict { port: asked, .. })
        | (Event::Released(port), Request::Release(asked)) => *port == asked,
        (Event::Taken { port, .. } | Event::NoRoom(port), _) => *port == asked.port(),
        (Event::Failed(request), _) => *request == asked,
        _ => false,
    }
}

fn own_secured(
    state: &mut State,
    port: ExternalPort,
    sent_at: Moment,
    granted: Option<Duration>,
    turn: &Turn,
) {
    let lease = granted.unwrap_or(turn.rules.lease).min(turn.rules.lease);
    state.failures = 0;
    state.own = Some(Holding {
        port,
        renew_at: sent_at + lease / 2,
        lapses_at: granted.map(|granted| sent_at + granted),
        granted,
    });
    state.preferred = Some(port);
    state.crowded_since = None;
}

fn own_taken(state: &mut State, port: ExternalPort) {
    if state.own.is_some_and(|own| own.port == port) {
        state.own = None;
    }
    state.taken.insert(port);
}

/// Make-before-break needs a place in the table that is not there. The heir lets its own go and takes the office with it;
/// what it had is asked for again should that fail, and it does not try again at once.
fn no_room(state: &mut State, port: ExternalPort, turn: &mut Turn) {
    let office = port == turn.rules.representative_port && state.office.is_none();
    let may_yield = match state.squeeze {
        Squeeze::None => true,
        Squeeze::Yielding => false,
        Squeeze::Yielded { again_at } => turn.now >= again_at,
    };
    if office && state.own.is_some() && may_yield {
        state.squeeze = Squeeze::Yielding;
    } else {
        let lease = if office {
            turn.rules.representative_lease
        } else {
            turn.rules.lease
        };
        failed(state, Request::Secure { port, lease }, turn);
    }
}

fn failed(state: &mut State, request: Request, turn: &mut Turn) {
    let (rules, now) = (turn.rules, turn.now);
    if request == Request::Release(rules.representative_port) && state.stay != Stay::Leaving {
        leave_office(state, turn); // whether it is still on the router or not: it was given up
    }
    state.failures = state.failures.saturating_add(1);
    let later = now + rules.patience(state.failures);
    if request.port() == rules.representative_port {
        state.office_after = later;
        if state.office.is_none() {
            // It may have been free and be this server's now: what is found next time is no proof of an old office.
            state.memory = Memory::None;
        }
        if let Some(office) = &mut state.office {
            office.renew_at = now + rules.retry();
        }
        if matches!(state.pursuit, Pursuit::Taking { .. }) {
            if matches!(request, Request::Evict { .. }) {
                set_grave(state, Grave::Unseen); // what became of it is seen by asking again
            }
            if state.failures >= 3 {
                yield_turn(state, turn);
            }
        }
    } else {
        state.own_after = later;
        if let Some(own) = &mut state.own {
            own.renew_at = later;
        }
    }
    suspect(state, request, rules);
}

fn released(state: &mut State, port: ExternalPort, turn: &mut Turn) {
    state.left_over = state.left_over.filter(|left| *left != port);
    if port == turn.rules.representative_port {
        leave_office(state, turn);
        state.office_after = turn.now + turn.rules.representative_lease; // others first
    } else if state.own.is_some_and(|own| own.port == port) {
        state.own = None;
        if state.squeeze == Squeeze::Yielding {
            state.squeeze = Squeeze::Yielded {
                again_at: turn.now + turn.rules.silence() * 2,
            };
            state.office_after = turn.now;
            state.own_after = turn.now + turn.rules.retry();
        }
    }
}

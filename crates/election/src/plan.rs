//! `plan`: from what is known, the one thing to do next.

use super::exposure::give_back;
use super::pursuit::{Grave, Pursuit};
use super::state::{Memory, Router, Squeeze, Stay};
use super::turn::Turn;
use super::{Bid, Effect, Exposure, Moment, Post, Request, Rules, State, succession};
use porthole_types::ExternalPort;

/// Adds the next request, if one is due and none is under way, and the time to look again.
pub(super) fn plan(state: &mut State, turn: &mut Turn) {
    if state.stay == Stay::Leaving && holds_nothing_reachable(state) {
        state.stay = Stay::Gone;
        if state.office.is_some() {
            // The router cannot be told; the others can.
            turn.farewell(state.term, Post::Representative);
        }
        turn.effects.push(Effect::Left);
    }
    if state.stay == Stay::Gone {
        return;
    }
    if state.pending.is_none()
        && state.router == Router::Answers
        && let Some(request) = next_request(state, turn)
    {
        state.pending = Some(request);
        turn.effects.push(Effect::Ask(request));
    }
    if let Some(at) = next_wake(state, turn.rules, turn.now) {
        turn.effects.push(Effect::WakeAt(at));
    }
}

fn holds_nothing_reachable(state: &State) -> bool {
    let nothing = state.office.is_none() && state.own.is_none() && state.pending.is_none();
    nothing || state.router == Router::Silent
}

/// In order of urgency: the office before the own port, keeping before getting, and the old mapping
/// is given up only when the new one is held and verified (make before break).
fn next_request(state: &mut State, turn: &Turn) -> Option<Request> {
    let (rules, now) = (turn.rules, turn.now);
    let secure_office = Request::Secure {
        port: rules.representative_port,
        lease: rules.representative_lease,
    };
    let secure_own = |port| Request::Secure {
        port,
        lease: rules.lease,
    };

    if state.stay == Stay::Leaving {
        // Design rule 4: the office first, so that the others can have it.
        return match (state.office, state.own) {
            (Some(_), _) => {
                (now >= state.office_after).then_some(Request::Release(rules.representative_port))
            }
            (None, Some(own)) => (now >= state.own_after).then_some(Request::Release(own.port)),
            (None, None) => None,
        };
    }
    if state.exposure == Exposure::Off {
        return give_back(state, rules, now);
    }
    if let Some(office) = state.office {
        let stepping_down = state.stay == Stay::SteppingDown;
        return match state.own {
            _ if now >= office.renew_at => Some(secure_office),
            // Whoever hands the office on first makes sure that it can still be reached.
            Some(_) if stepping_down => {
                (now >= state.office_after).then_some(Request::Release(rules.representative_port))
            }
            None if stepping_down && now >= state.own_after => {
                let port = candidate(rules, state);
                Some(port.map_or(Request::Release(rules.representative_port), secure_own))
            }
            Some(own) if now >= state.own_after => Some(Request::Release(own.port)),
            _ => None,
        };
    }
    if let Pursuit::Taking {
        grave: Grave::Open { from },
        ..
    } = state.pursuit
    {
        let port = rules.representative_port;
        return Some(Request::Evict { port, from });
    }
    match state.own {
        Some(own) if state.squeeze == Squeeze::Yielding => Some(Request::Release(own.port)),
        _ if now >= state.office_after && may_reach(state, rules, now) => Some(secure_office),
        Some(own) => (now >= own.renew_at).then(|| secure_own(own.port)),
        None if now < state.own_after => None,
        None => {
            let port = candidate(rules, state);
            if port.is_none() {
                // Every port is somebody else's: rest, then believe nothing of that and ask again.
                state.crowded_since = state.crowded_since.or(Some(now));
                state.own_after = now + rules.rest();
                state.taken.clear();
            }
            port.map(secure_own)
        }
    }
}

/// Whether this server may ask for the representative port: as heir, or where nobody is known to hold it.
/// While the representative lives, it alone deals with its port, also when the router has forgotten it.
fn may_reach(state: &State, rules: &Rules, now: Moment) -> bool {
    if state.memory == Memory::HeldOffice {
        return true; // the mapping that stands in everybody's way may be its own
    }
    match state.pursuit {
        Pursuit::None => !state
            .watch
            .is_some_and(|watch| watch.is_lively(rules, now) || watch.id.is_none()),
        Pursuit::Taking { grave, .. } => !matches!(grave, Grave::Asking { .. }),
        // What a deputy cannot have removed may be this server's own, from a life whose file is lost.
        Pursuit::Deferring {
            bid: Bid::Deputy { .. },
            ..
        } => true,
        Pursuit::Standing { .. } | Pursuit::Claiming { .. } | Pursuit::Deferring { .. } => false,
    }
}

/// The port held before, else the lowest that is not known to be somebody else's (¶43 step 12).
fn candidate(rules: &Rules, state: &State) -> Option<ExternalPort> {
    let free = |port: &ExternalPort| !state.taken.contains(port);
    let preferred = state.preferred.filter(|port| rules.range.contains(*port));
    preferred
        .filter(free)
        .or_else(|| rules.range.ports().find(free))
}

fn next_wake(state: &State, rules: &Rules, now: Moment) -> Option<Moment> {
    let deadline = state.office.map(|office| office.deadline);
    let inquiry = state.office.map(|office| office.inquire_at);
    let lapse = state.own.and_then(|own| own.lapses_at);
    let mut due = vec![deadline, inquiry, lapse];
    if state.office.is_none() && state.stay == Stay::Staying {
        due.extend(succession::wakes(state));
        if let Some(watch) = state.watch {
            due.extend(watch.wakes(rules));
        }
    }
    if state.pending.is_none() && state.router == Router::Answers {
        let (office_next, own_next) = match (state.office, state.own) {
            (Some(_), _) if !state.is_candidate() => (state.office_after, Some(state.own_after)),
            (Some(office), _) => (office.renew_at, Some(state.own_after)),
            (None, Some(own)) => (state.office_after, Some(own.renew_at)),
            (None, None) => (state.office_after, Some(state.own_after)),
        };
        due.extend([Some(office_next), own_next]);
    }
    due.into_iter().flatten().filter(|at| *at > now).min()
}

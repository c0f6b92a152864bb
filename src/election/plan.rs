//! `plan`: from what is known, the one thing to do next.

use super::state::{Router, Stay};
use super::{Effect, Moment, Request, Rules, State};
use crate::ids::ExternalPort;

/// Adds the next request, if one is due and none is under way, and the time to look again.
pub(super) fn plan(rules: &Rules, state: &mut State, now: Moment, effects: &mut Vec<Effect>) {
    if state.stay == Stay::Leaving && holds_nothing_reachable(state) {
        state.stay = Stay::Gone;
        effects.push(Effect::Left);
    }
    if state.stay == Stay::Gone {
        return;
    }
    if state.pending.is_none()
        && state.router == Router::Answers
        && let Some(request) = next_request(rules, state, now)
    {
        state.pending = Some(request);
        effects.push(Effect::Ask(request));
    }
    if let Some(at) = next_wake(state, now) {
        effects.push(Effect::WakeAt(at));
    }
}

fn holds_nothing_reachable(state: &State) -> bool {
    let nothing = state.office.is_none() && state.own.is_none() && state.pending.is_none();
    nothing || state.router == Router::Silent
}

/// In order of urgency: the office before the own port, keeping before getting, and the old mapping
/// is given up only when the new one is held and verified (make before break).
fn next_request(rules: &Rules, state: &mut State, now: Moment) -> Option<Request> {
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
            (Some(_), _) => Some(Request::Release(rules.representative_port)),
            (None, Some(own)) => Some(Request::Release(own.port)),
            (None, None) => None,
        };
    }
    if let Some(office) = state.office {
        return match state.own {
            _ if now >= office.renew_at => Some(secure_office),
            Some(own) if now >= state.own_after => Some(Request::Release(own.port)),
            _ => None,
        };
    }
    match state.own {
        _ if now >= state.office_after => Some(secure_office),
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

/// The port held before, else the lowest that is not known to be somebody else's (¶43 step 12).
fn candidate(rules: &Rules, state: &State) -> Option<ExternalPort> {
    let free = |port: &ExternalPort| !state.taken.contains(port);
    let preferred = state.preferred.filter(|port| rules.range.contains(*port));
    preferred
        .filter(free)
        .or_else(|| rules.range.ports().find(free))
}

fn next_wake(state: &State, now: Moment) -> Option<Moment> {
    let deadline = state.office.map(|office| office.deadline);
    let lapse = state.own.and_then(|own| own.lapses_at);
    let mut due = vec![deadline, lapse];
    if state.pending.is_none() && state.router == Router::Answers {
        let (office_next, own_next) = match (state.office, state.own) {
            (Some(office), own) => (office.renew_at, own.map(|_| state.own_after)),
            (None, Some(own)) => (state.office_after, Some(own.renew_at)),
            (None, None) => (state.office_after, Some(state.own_after)),
        };
        due.extend([Some(office_next), own_next]);
    }
    due.into_iter().flatten().filter(|at| *at > now).min()
}

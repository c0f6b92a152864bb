//! `plan`: from what is known, the one thing to do next.

use super::candidacy::{Candidacy, StaleMapping};
use super::context::StepContext;
use super::remote_access::next_release;
use super::state::{Lifecycle, Memory, RouterStatus, TableFullFallback};
use super::{
    ClaimStage, Effect, FormerRole, RemoteAccess, Request, Rules, State, Timestamp, succession,
};
use porthole_types::ExternalPort;

/// Adds the next request, if one is due and none is under way, and the time to look again.
pub(super) fn plan(state: &mut State, context: &mut StepContext) {
    if state.lifecycle == Lifecycle::Leaving && holds_nothing_reachable(state) {
        state.lifecycle = Lifecycle::Gone;
        if state.leadership.is_some() {
            // The router cannot be told; the others can.
            context.announce_withdrawal(state.term, FormerRole::Representative);
        }
        context.effects.push(Effect::Left);
    }
    if state.lifecycle == Lifecycle::Gone {
        return;
    }
    if state.pending.is_none()
        && state.router == RouterStatus::Answers
        && let Some(request) = next_request(state, context)
    {
        state.pending = Some(request);
        context.effects.push(Effect::Ask(request));
    }
    if let Some(at) = next_wake(state, context.rules, context.now) {
        context.effects.push(Effect::WakeAt(at));
    }
}

fn holds_nothing_reachable(state: &State) -> bool {
    let nothing = state.leadership.is_none() && state.own.is_none() && state.pending.is_none();
    nothing || state.router == RouterStatus::Silent
}

/// In order of urgency: the representative port before the own one, keeping before getting, and the
/// old mapping is given up only when the new one is held and verified (make before break).
fn next_request(state: &mut State, context: &StepContext) -> Option<Request> {
    let (rules, now) = (context.rules, context.now);
    let secure_representative_port = Request::Secure {
        port: rules.representative_port,
        lease: rules.representative_lease,
    };
    let secure_own = |port| Request::Secure {
        port,
        lease: rules.lease,
    };

    if state.lifecycle == Lifecycle::Leaving {
        // The representative port first, so that the others can have it.
        return match (state.leadership, state.own) {
            (Some(_), _) => (now >= state.representative_after)
                .then_some(Request::Release(rules.representative_port)),
            (None, Some(own)) => (now >= state.own_after).then_some(Request::Release(own.port)),
            (None, None) => None,
        };
    }
    if state.remote_access == RemoteAccess::Off {
        return next_release(state, rules, now);
    }
    if let Some(leadership) = state.leadership {
        let stepping_down = state.lifecycle == Lifecycle::SteppingDown;
        return match state.own {
            _ if now >= leadership.renew_at => Some(secure_representative_port),
            // Whoever hands leadership on first makes sure that it can still be reached.
            Some(_) if stepping_down => (now >= state.representative_after)
                .then_some(Request::Release(rules.representative_port)),
            None if stepping_down && now >= state.own_after => {
                let port = candidate(rules, state);
                Some(port.map_or(Request::Release(rules.representative_port), secure_own))
            }
            Some(own) if now >= state.own_after => Some(Request::Release(own.port)),
            _ => None,
        };
    }
    if let Candidacy::Acquiring {
        mapping: StaleMapping::Deletable { from },
        ..
    } = state.candidacy
    {
        let port = rules.representative_port;
        return Some(Request::Evict { port, from });
    }
    match state.own {
        Some(own) if state.table_full == TableFullFallback::Releasing => {
            Some(Request::Release(own.port))
        }
        _ if now >= state.representative_after && may_reach(state, rules, now) => {
            Some(secure_representative_port)
        }
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

/// Whether this server may ask for the representative port: as successor, or where nobody is known
/// to hold it. While the representative lives, it alone deals with its port, also when the router
/// has forgotten it.
fn may_reach(state: &State, rules: &Rules, now: Timestamp) -> bool {
    if state.memory == Memory::WasRepresentative {
        return true; // the mapping that stands in everybody's way may be its own
    }
    match state.candidacy {
        Candidacy::None => !state
            .detector
            .is_some_and(|detector| detector.is_live(rules, now) || detector.id.is_none()),
        Candidacy::Acquiring { mapping, .. } => !matches!(mapping, StaleMapping::Asking { .. }),
        // What a deputy cannot have removed may be this server's own, from a life whose file is
        // lost.
        Candidacy::Yielding {
            stage: ClaimStage::Deputy { .. },
            ..
        } => true,
        Candidacy::Waiting { .. } | Candidacy::Claiming { .. } | Candidacy::Yielding { .. } => {
            false
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

fn next_wake(state: &State, rules: &Rules, now: Timestamp) -> Option<Timestamp> {
    let deadline = state.leadership.map(|leadership| leadership.deadline);
    let inquiry = state.leadership.map(|leadership| leadership.inquire_at);
    let lapse = state.own.and_then(|own| own.lapses_at);
    let mut due = vec![deadline, inquiry, lapse];
    if state.leadership.is_none() && state.lifecycle == Lifecycle::Running {
        due.extend(succession::wakes(state));
        if let Some(detector) = state.detector {
            due.extend(detector.wakes(rules));
        }
    }
    if state.pending.is_none() && state.router == RouterStatus::Answers {
        let (representative_next, own_next) = match (state.leadership, state.own) {
            (Some(_), _) if !state.is_candidate() => {
                (state.representative_after, Some(state.own_after))
            }
            (Some(leadership), _) => (leadership.renew_at, Some(state.own_after)),
            (None, Some(own)) => (state.representative_after, Some(own.renew_at)),
            (None, None) => (state.representative_after, Some(state.own_after)),
        };
        due.extend([Some(representative_next), own_next]);
    }
    due.into_iter().flatten().filter(|at| *at > now).min()
}

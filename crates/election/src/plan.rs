//! `plan`: from what is known, the one thing to do next.

use super::candidacy::{Candidacy, StaleMapping};
use super::context::StepContext;
use super::remaking::{gap_begins, renew_own, renew_representative, secure_representative};
use super::remote_access::give_back;
use super::setback::own_port;
use super::state::{InnerPorts, Lifecycle, MakeRoom, Memory, RouterStatus};
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
        match request {
            Request::Secure { port, .. } => state.ledger.enter(port),
            Request::Remake { port, .. } if port == context.rules.representative_port => {
                if let Some(held) = &mut state.leadership {
                    gap_begins(held, context.rules, context.now);
                }
            }
            Request::Remake { .. } | Request::Release(_) | Request::Evict { .. } => {}
        }
        context.effects.push(Effect::Ask(request));
    }
    if let Some(at) = next_wake(state, context.rules, context.now) {
        context.effects.push(Effect::WakeAt(at));
    }
}

fn holds_nothing_reachable(state: &State) -> bool {
    let nothing = state.leadership.is_none() && state.own.is_none() && state.pending.is_none();
    nothing && state.ledger.is_empty() || state.router == RouterStatus::Silent
}

/// In order of urgency: the representative port before the own one, keeping before getting, and the
/// old mapping is given up only when the new one is held and verified (make before break).
fn next_request(state: &mut State, context: &StepContext) -> Option<Request> {
    let (rules, now) = (context.rules, context.now);
    let secure_own = |port| Request::Secure {
        port,
        lease: rules.lease,
        asked: state.ledger.asked(port),
    };

    if state.lifecycle == Lifecycle::Leaving || state.remote_access == RemoteAccess::Off {
        return give_back(state, rules, now);
    }
    if let Some(leadership) = state.leadership {
        let stepping_down = state.lifecycle == Lifecycle::SteppingDown;
        return match state.own {
            _ if now >= leadership.renew_at && !can_wait(state, rules, now) => {
                renew_representative(state, rules, now)
            }
            // Whoever hands leadership on first makes sure that it can still be reached.
            Some(_) if stepping_down => (now >= state.representative_after)
                .then_some(Request::Release(rules.representative_port)),
            None if stepping_down && now >= state.own_after => {
                // On some routers there is none to be had as long as it leads.
                let port = candidate(rules, state).filter(|_| state.inner == InnerPorts::Many);
                let release = Request::Release(rules.representative_port);
                Some(match (stray(state, rules, port), port) {
                    (Some(stray), _) => Request::Release(stray),
                    (None, Some(port)) => secure_own(port),
                    (None, None) => release,
                })
            }
            // Its own one, and what else it may have left.
            _ if now >= state.own_after => stray(state, rules, None).map(Request::Release),
            _ => renew_representative(state, rules, now),
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
    if state.make_room == MakeRoom::Releasing
        && let Some(port) = own_port(state, rules)
    {
        return Some(Request::Release(port));
    }
    match state.own {
        _ if now >= state.representative_after && may_reach(state, rules, now) => {
            Some(secure_representative(state, rules, now))
        }
        Some(own) if now >= own.renew_at => renew_own(state, rules, now),
        Some(own) => stray(state, rules, Some(own.port))
            .filter(|_| now >= state.own_after)
            .map(Request::Release),
        None if now < state.own_after => None,
        None => {
            let port = candidate(rules, state);
            if let Some(stray) = stray(state, rules, port) {
                return Some(Request::Release(stray));
            }
            if port.is_none() {
                // Every port is somebody else's: rest, then believe nothing of that and ask again.
                state.crowded_since = state.crowded_since.or(Some(now));
                state.own_after = now + rules.rest();
                state.taken.clear();
                state.refusals.reserved.clear();
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

/// The port held before, else one that may still be held, else the lowest that is not known to be
/// somebody else's (¶43 step 12).
fn candidate(rules: &Rules, state: &State) -> Option<ExternalPort> {
    let free = |port: &ExternalPort| {
        !state.taken.contains(port) && !state.refusals.reserved.contains(port)
    };
    let ranged = |port: &ExternalPort| rules.range.contains(*port);
    let preferred = state.preferred.filter(ranged).filter(free);
    preferred
        .or_else(|| state.ledger.own(rules).filter(ranged).find(free))
        .or_else(|| rules.range.ports().find(free))
}

/// Whether another mapping can be given back before the representative's is renewed: more than half
/// of the time is left in which that has to be done. A router that takes long to answer would never
/// be asked for anything but renewals.
fn can_wait(state: &State, rules: &Rules, now: Timestamp) -> bool {
    let stepping_down = state.lifecycle == Lifecycle::SteppingDown;
    let gives_back = now >= state.own_after && stray(state, rules, None).is_some();
    !stepping_down
        && gives_back
        && state.leadership.is_some_and(|held| {
            held.gap_since.is_none()
                && held.challenge.is_none()
                && now + rules.representative_lease / 2 < held.deadline
        })
}

/// A mapping that this server may have besides the representative's and the `wanted` one: it is
/// given back before another port is asked for.
fn stray(state: &State, rules: &Rules, wanted: Option<ExternalPort>) -> Option<ExternalPort> {
    state.ledger.own(rules).find(|port| Some(*port) != wanted)
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
            (None, Some(own)) => (
                state.representative_after,
                Some(match stray(state, rules, Some(own.port)) {
                    Some(_) => own.renew_at.min(state.own_after),
                    None => own.renew_at,
                }),
            ),
            (None, None) => (state.representative_after, Some(state.own_after)),
        };
        due.extend([Some(representative_next), own_next]);
    }
    due.into_iter().flatten().filter(|at| *at > now).min()
}

//! A request came to nothing: when it is made again, and what makes room for it.

use std::time::Duration;

use super::candidacy::{Candidacy, StaleMapping};
use super::context::StepContext;
use super::leadership::lose_leadership;
use super::stale_mapping::{set_stale_mapping, yield_to_successor};
use super::state::{Lifecycle, MakeRoom, Memory};
use super::{Request, Rules, State};
use porthole_types::ExternalPort;

/// Whether this server has a mapping of its own to make room with, or may have one, and has not
/// done so lately.
pub(super) fn may_give_up_own_port(state: &State, context: &StepContext) -> bool {
    let may = match state.make_room {
        MakeRoom::NotNeeded => true,
        MakeRoom::Releasing => false,
        MakeRoom::Released { again_at } => context.now >= again_at,
    };
    may && own_port(state, context.rules).is_some()
}

/// The port of its own mapping, or of one that it may have.
pub(super) fn own_port(state: &State, rules: &Rules) -> Option<ExternalPort> {
    let known = state.own.map(|own| own.port);
    known.or_else(|| state.ledger.own(rules).next())
}

/// The own mapping makes way for that of the representative port.
pub(super) fn give_up_own_port(state: &mut State) {
    state.make_room = MakeRoom::Releasing;
}

/// How soon a leaving server asks again.
const FAREWELL: Duration = Duration::from_secs(1);

/// The request came to nothing, or nobody knows what became of it.
pub(super) fn failed(state: &mut State, request: Request, context: &mut StepContext) {
    let (rules, now) = (context.rules, context.now);
    if request == Request::Release(rules.representative_port)
        && state.lifecycle != Lifecycle::Leaving
    {
        // Whether it is still on the router or not: it was given up.
        lose_leadership(state, context);
    }
    state.failures = state.failures.saturating_add(1);
    let mut patience = rules.patience(state.failures);
    if state.lifecycle == Lifecycle::Leaving {
        patience = patience.min(FAREWELL); // it is not waited for for long
    }
    let later = now + patience;
    if request.port() == rules.representative_port {
        state.representative_after = later;
        if state.leadership.is_none() {
            // It may have been free and be this server's now: what is found next time does not
            // prove that it led before.
            state.memory = Memory::None;
        }
        state.unanswered_at = Some(now);
        if let Some(leadership) = &mut state.leadership {
            leadership.answered_at = None;
            leadership.renew_at = now + rules.retry();
        }
        if matches!(state.candidacy, Candidacy::Acquiring { .. }) {
            if matches!(request, Request::Evict { .. }) {
                // What became of it is seen by asking again.
                set_stale_mapping(state, StaleMapping::Unknown);
            }
            if state.failures >= 3 {
                yield_to_successor(state, context);
            }
        }
    } else {
        state.own_after = later;
        if let Some(own) = &mut state.own
            && own.port == request.port()
        {
            own.renew_at = later;
        }
    }
}

/// How long a mapping may last that a request without an answer has made, or renewed. A router that
/// is slow to answer is asked for a longer lease than the rules want: twelve answers.
pub(super) fn longest_lease_of(request: Request) -> Duration {
    const OUTLASTING: Duration = Duration::from_mins(5);
    match request {
        Request::Secure { lease, .. } | Request::Remake { lease, .. } => lease.max(OUTLASTING),
        Request::Release(_) | Request::Evict { .. } => Duration::ZERO,
    }
}

//! The switch of ¶84: whether this server is to be reached from outside, and giving everything back
//! when not.

use super::candidacy::Candidacy;
use super::context::StepContext;
use super::state::{Memory, TableFullFallback};
use super::{RemoteAccess, Request, Rules, State, Timestamp};
use porthole_types::{ExternalPort, Term};

impl State {
    /// The same with the switch as people left it. Off, the ports that an earlier run may have left
    /// on the router are given back as soon as one answers: it may have died before it could.
    #[must_use]
    pub fn with_remote_access(mut self, remote_access: RemoteAccess) -> Self {
        self.remote_access = remote_access;
        if remote_access == RemoteAccess::Off {
            self.left_over = self.preferred;
        }
        self
    }
}

/// People turn the switch.
pub(super) fn remote_access_switched(
    state: &mut State,
    remote_access: RemoteAccess,
    context: &StepContext,
) {
    if state.remote_access == remote_access {
        return;
    }
    state.remote_access = remote_access;
    state.failures = 0;
    state.representative_after = context.now;
    state.own_after = context.now;
    state.left_over = None;
    if let Some(asked) = state.pending {
        suspect_left_over(state, asked, context.rules); // its answer may never come
    }
    state.candidacy = Candidacy::None;
    state.table_full = TableFullFallback::NotNeeded;
    state.crowded_since = None;
}

/// A term that nobody leads in.
const NEVER: Term = Term(u64::MAX);

/// Nobody knows what became of this request: what it was about may be on the router.
pub(super) fn suspect_left_over(state: &mut State, request: Request, rules: &Rules) {
    if state.remote_access == RemoteAccess::On {
        return;
    }
    let port = request.port();
    if port == rules.representative_port {
        if state.memory == Memory::None {
            // To be given back if it is there; that this server led before does not follow (S4).
            state.leadership_term = NEVER;
        }
        state.memory = Memory::WasRepresentative;
    } else if state.own.is_none_or(|own| own.port != port) {
        state.left_over = Some(port);
    }
}

/// The next mapping to release, the representative port first, so that the others can have it.
pub(super) fn next_release(state: &State, rules: &Rules, now: Timestamp) -> Option<Request> {
    let representative_port = rules.representative_port;
    // Where it led and does not know what became of the mapping, that may still be there.
    let held = state.leadership.is_some() || state.memory == Memory::WasRepresentative;
    let own = state.own.map(|own| own.port);
    let port = held
        .then_some(representative_port)
        .or(own)
        .or(state.left_over)?;
    let due = |port: ExternalPort| {
        if port == representative_port {
            state.representative_after
        } else {
            state.own_after
        }
    };
    (now >= due(port)).then_some(Request::Release(port))
}

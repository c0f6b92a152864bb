//! The switch of ¶84: whether this server is to be reached from outside, and giving everything back
//! when not.

use super::candidacy::Candidacy;
use super::context::StepContext;
use super::state::MakeRoom;
use super::{RemoteAccess, Request, Rules, State, Timestamp};

impl State {
    /// The same with the switch as people left it. Off, what the ledger of an earlier run names is
    /// given back as soon as a router answers: it may have died before it could.
    #[must_use]
    pub fn with_remote_access(mut self, remote_access: RemoteAccess) -> Self {
        self.remote_access = remote_access;
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
    state.candidacy = Candidacy::None;
    state.make_room = MakeRoom::NotNeeded;
    state.crowded_since = None;
}

/// The next mapping to give back, the representative port first, so that the others can have it.
pub(super) fn give_back(state: &State, rules: &Rules, now: Timestamp) -> Option<Request> {
    let representative_port = rules.representative_port;
    // Where it led and does not know what became of the mapping, that may still be there.
    let led = state.leadership.is_some() || state.ledger.has(representative_port);
    if led && now >= state.representative_after {
        return Some(Request::Release(representative_port));
    }
    // Also while the other is to be asked for again: there may not be much time.
    let port = state.ledger.own(rules).next()?;
    (now >= state.own_after).then_some(Request::Release(port))
}

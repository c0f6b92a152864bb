//! The switch of ¶84: whether this server is to be reached from outside, and giving everything back when not.

use serde::{Deserialize, Serialize};

use super::pursuit::Pursuit;
use super::state::{Memory, Squeeze};
use super::turn::Turn;
use super::{Moment, Request, Rules, State};
use porthole_types::ExternalPort;

/// Whether this server is to be reached from outside at all.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Exposure {
    /// It asks the router for a port.
    #[default]
    On,
    /// It gives back what it has, asks for nothing, and stays on the LAN.
    Off,
}

impl State {
    /// The same with the switch as people left it. Off, the ports that an earlier run may have left on the router are
    /// given back as soon as one answers: it may have died before it could.
    #[must_use]
    pub fn exposed(mut self, exposure: Exposure) -> Self {
        self.exposure = exposure;
        if exposure == Exposure::Off {
            self.left_over = self.preferred;
        }
        self
    }
}

/// People turn the switch.
pub(super) fn switched(state: &mut State, exposure: Exposure, turn: &Turn) {
    if state.exposure == exposure {
        return;
    }
    state.exposure = exposure;
    state.failures = 0;
    state.office_after = turn.now;
    state.own_after = turn.now;
    state.left_over = None;
    if let Some(asked) = state.pending {
        suspect(state, asked, turn.rules); // its answer may never come
    }
    state.pursuit = Pursuit::None;
    state.squeeze = Squeeze::None;
    state.crowded_since = None;
}

/// Nobody knows what became of this request: what it was about may be on the router.
pub(super) fn suspect(state: &mut State, request: Request, rules: &Rules) {
    if state.exposure == Exposure::On {
        return;
    }
    let port = request.port();
    if port == rules.representative_port {
        state.memory = Memory::HeldOffice;
    } else if state.own.is_none_or(|own| own.port != port) {
        state.left_over = Some(port);
    }
}

/// The next mapping to give back, the office first, so that the others can have it (design rule 4).
pub(super) fn give_back(state: &State, rules: &Rules, now: Moment) -> Option<Request> {
    let office = rules.representative_port;
    // Where it held the office and does not know what became of the mapping, that may still be there.
    let held = state.office.is_some() || state.memory == Memory::HeldOffice;
    let own = state.own.map(|own| own.port);
    let port = held.then_some(office).or(own).or(state.left_over)?;
    let due = |port: ExternalPort| {
        if port == office {
            state.office_after
        } else {
            state.own_after
        }
    };
    (now >= due(port)).then_some(Request::Release(port))
}

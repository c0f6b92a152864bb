//! One step in the making: what it may look at, and what it leads to.

use std::net::Ipv4Addr;

use super::{Destination, Effect, ElectionMessage, Entropy, FormerRole, Rules, Timestamp};
use porthole_types::{InstanceId, Term};

/// Everything a rule needs besides the state that it changes.
pub(super) struct StepContext<'a> {
    pub(super) rules: &'a Rules,
    pub(super) now: Timestamp,
    pub(super) entropy: Entropy,
    pub(super) effects: Vec<Effect>,
}

impl StepContext<'_> {
    pub(super) fn say(&mut self, to: Destination, message: ElectionMessage) {
        self.effects.push(Effect::Say(to, message));
    }

    /// Asks the representative at this address whether it is there.
    pub(super) fn probe(&mut self, address: Ipv4Addr, of: Option<InstanceId>) {
        self.say(Destination::One(address), ElectionMessage::Probe { of });
    }

    /// Says that this server leaves, and what it was.
    pub(super) fn announce_withdrawal(&mut self, term: Term, former_role: FormerRole) {
        let of = self.rules.me;
        self.say(
            Destination::Everybody,
            ElectionMessage::Withdrawal {
                term,
                of,
                former_role,
            },
        );
    }
}

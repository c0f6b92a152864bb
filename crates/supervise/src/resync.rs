//! Telling the dependents in a group that a dependency was restarted.

use std::sync::{Arc, Mutex, PoisonError};

use actix::{Message, Recipient};

use super::event::ActorName;

/// "A dependency of yours was restarted": whoever receives this tells the dependency again what it
/// may have forgotten, and keeps its own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Resync {
    /// The actor that was restarted.
    pub dependency: ActorName,
}

/// The actors of one group in start order; the recipient is that of one that wants to be told.
#[derive(Clone, Default)]
pub(super) struct Siblings(Arc<Mutex<Vec<Option<Recipient<Resync>>>>>);

/// One actor's position among its siblings: those started later depend on it.
pub(super) struct StartOrder {
    siblings: Siblings,
    index: usize,
}

impl Siblings {
    /// Appends an actor: it depends on all before it.
    pub(super) fn join(&self, recipient: Option<Recipient<Resync>>) -> StartOrder {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(recipient);
        StartOrder {
            siblings: self.clone(),
            index: all.len() - 1,
        }
    }
}

impl StartOrder {
    /// Tells every actor that was started later, in start order.
    pub(super) fn notify_dependents(&self, dependency: ActorName) {
        let all = self
            .siblings
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for recipient in all.iter().skip(self.index + 1).flatten() {
            // In actix each sender has one slot of its own. A fresh clone has it free, so a full
            // mailbox cannot swallow the message; the dependency's budget bounds how many
            // there are. A closed one needs no telling.
            let _ = recipient.clone().try_send(Resync { dependency });
        }
    }
}

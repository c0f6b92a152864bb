//! Telling the younger actors of a group that an elder was restarted.

use std::sync::{Arc, Mutex, PoisonError};

use actix::{Message, Recipient};

use super::event::ActorName;

/// "Your elder was restarted": whoever gets this tells the elder again what it may have forgotten,
/// and keeps its own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Resync {
    /// The one that was restarted.
    pub elder: ActorName,
}

/// The actors of one group in start order, with the way to tell each, where it wants to be told.
#[derive(Clone, Default)]
pub(super) struct Siblings(Arc<Mutex<Vec<Option<Recipient<Resync>>>>>);

/// One actor's place among its siblings.
pub(super) struct Rank {
    siblings: Siblings,
    index: usize,
}

impl Siblings {
    /// Adds the youngest.
    pub(super) fn join(&self, recipient: Option<Recipient<Resync>>) -> Rank {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(recipient);
        Rank {
            siblings: self.clone(),
            index: all.len() - 1,
        }
    }
}

impl Rank {
    /// Tells everyone younger, in start order.
    pub(super) fn tell_younger(&self, elder: ActorName) {
        let all = self
            .siblings
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for recipient in all.iter().skip(self.index + 1).flatten() {
            // In actix each sender has one slot of its own. A fresh clone has it free, so a full
            // mailbox cannot swallow the message; the elder's budget bounds how many
            // there are. A closed one needs no telling.
            let _ = recipient.clone().try_send(Resync { elder });
        }
    }
}

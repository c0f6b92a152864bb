//! The bounded channel on which the root hears of events.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::event::Event;

/// Events that may wait for the root. Budgets bound how fast they come; a root that does not listen
/// loses the rest.
const CAPACITY: usize = 256;

/// The first fatal event that found the channel full.
type Latch = Arc<Mutex<Option<Event>>>;

/// Where events are put. Never blocks, never panics: it is used where nothing may go wrong.
#[derive(Clone, Debug)]
pub(super) struct EventSender {
    queue: mpsc::Sender<Event>,
    latch: Latch,
}

/// The root's end of the channel.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<Event>,
    latch: Latch,
}

/// A channel that may drop events when nobody listens, but never the first fatal one.
pub(super) fn channel() -> (EventSender, Events) {
    let (tx, rx) = mpsc::channel(CAPACITY);
    let latch = Latch::default();
    (
        EventSender {
            queue: tx,
            latch: Arc::clone(&latch),
        },
        Events { queue: rx, latch },
    )
}

impl EventSender {
    pub(super) fn send(&self, event: Event) {
        if !event.is_fatal() {
            let _ = self.queue.try_send(event);
            return;
        }
        // Under the lock, so that the listener cannot empty the full queue and go to sleep before
        // the latch is set: each of its steps looks at the latch first.
        let mut latch = self.latch.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(mpsc::error::TrySendError::Full(event)) = self.queue.try_send(event) {
            latch.get_or_insert(event);
        }
    }
}

impl Events {
    fn latched(&self) -> Option<Event> {
        self.latch
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The next event; `None` when nothing is left that could send one.
    pub async fn next(&mut self) -> Option<Event> {
        match self.latched() {
            Some(event) => Some(event),
            None => self.queue.recv().await,
        }
    }

    /// [`next`](Self::next) for a plain thread, which hears that an arbiter is stuck even when it
    /// is the root's own.
    ///
    /// Panics when called on an arbiter.
    pub fn blocking_next(&mut self) -> Option<Event> {
        match self.latched() {
            Some(event) => Some(event),
            None => self.queue.blocking_recv(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::event::{ActorName, TreePath};
    use super::*;

    fn harmless() -> Event {
        Event::Started {
            actor: ActorName("a"),
            path: TreePath::root().child("a"),
        }
    }

    fn fatal(arbiter: &'static str) -> Event {
        Event::ArbiterStuck {
            arbiter,
            silent_for: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_fatal_event_is_heard_though_the_channel_is_full() {
        let (sender, mut events) = channel();
        for _ in 0..2 * CAPACITY {
            sender.send(harmless());
        }
        sender.send(fatal("web"));
        sender.send(fatal("network"));
        drop(sender);
        assert_eq!(events.blocking_next(), Some(fatal("web")));
        let mut rest = 0;
        while events.blocking_next().is_some() {
            rest += 1;
        }
        assert_eq!(rest, CAPACITY);
    }
}

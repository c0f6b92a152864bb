//! What supervision has to say, and the bounded channel on which the root hears it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::budget::Budget;

/// Events that may wait for the root. Budgets bound how fast they come; a root that does not listen loses the rest.
const CAPACITY: usize = 256;

/// What an actor is called in the tree, in logs and in metric labels: `router`, `election`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorName(pub &'static str);

impl fmt::Display for ActorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Where an actor or a group stands in the tree, as in `root/network/router`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TreePath(Arc<str>);

impl TreePath {
    pub(super) fn root() -> Self {
        Self("root".into())
    }

    pub(super) fn child(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0).into())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an actor or a thread has to be started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It panicked.
    Panic {
        /// The panic's message, at most 512 bytes.
        message: String,
    },
    /// It gave up with an error.
    Failed {
        /// The error in words, at most 512 bytes.
        error: String,
    },
    /// It began a job and did not end it in time, or showed no sign of life.
    Hang {
        /// What it was doing.
        job: &'static str,
        /// How long it was given.
        limit: Duration,
    },
    /// It ended by itself, in order.
    Stopped,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic { message } => write!(f, "it panicked: {message}"),
            Self::Failed { error } => write!(f, "it failed: {error}"),
            Self::Hang { job, limit } => write!(f, "it hung: {job:?} took longer than {limit:?}"),
            Self::Stopped => f.write_str("it stopped by itself"),
        }
    }
}

/// What happened. Its `Display` is a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A kept actor began its first life.
    Started {
        /// Which.
        actor: ActorName,
        /// Where.
        path: TreePath,
    },
    /// A kept actor crashed, and is about to begin its next life. One event per crash within the budget.
    Restarted {
        /// Which.
        actor: ActorName,
        /// Where.
        path: TreePath,
        /// Why.
        cause: Cause,
        /// Crashes within the budget's window, this one included.
        in_window: u32,
        /// Crashes since the program started, this one included.
        total: u64,
    },
    /// A kept actor used up its budget, or could not be started: its address is dead. Comes once per actor.
    Escalated {
        /// Which.
        actor: ActorName,
        /// Where.
        path: TreePath,
        /// The crash that was one too many.
        cause: Cause,
        /// The budget it exceeded.
        budget: Budget,
    },
    /// A kept actor ended because a shutdown was asked for.
    Ended {
        /// Which.
        actor: ActorName,
        /// Where.
        path: TreePath,
    },
    /// An actor started its blocking thread again.
    ThreadRestarted {
        /// The owner.
        actor: ActorName,
        /// Where the thread hangs in the tree.
        path: TreePath,
        /// Why it had to.
        cause: Cause,
        /// Restarts of this thread since its owner was made.
        total: u64,
    },
    /// A thread hangs. It was told to end when it wakes; nothing can end it before.
    ThreadAbandoned {
        /// The owner.
        actor: ActorName,
        /// Where the thread hangs in the tree.
        path: TreePath,
        /// How many of this kind hang now.
        abandoned: usize,
    },
    /// An arbiter's thread is blocked: everything on it stands still, and nothing inside can restart it.
    ArbiterStuck {
        /// Which.
        arbiter: &'static str,
        /// For how long, at least.
        silent_for: Duration,
    },
}

impl Event {
    /// Whether only a new process can help.
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Escalated { .. } | Self::ArbiterStuck { .. })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { path, .. } => write!(f, "{path} started"),
            Self::Restarted {
                path,
                cause,
                in_window,
                total,
                ..
            } => write!(
                f,
                "{path} is restarted ({in_window} lately, {total} in all): {cause}"
            ),
            Self::Escalated {
                path,
                cause,
                budget,
                ..
            } => write!(
                f,
                "{path} is given up, it may crash {} times in {:?}: {cause}",
                budget.restarts, budget.window
            ),
            Self::Ended { path, .. } => write!(f, "{path} ended"),
            Self::ThreadRestarted {
                path, cause, total, ..
            } => write!(
                f,
                "the thread {path} is started again ({total} in all): {cause}"
            ),
            Self::ThreadAbandoned {
                path, abandoned, ..
            } => write!(f, "the thread {path} hangs, {abandoned} of its kind do"),
            Self::ArbiterStuck {
                arbiter,
                silent_for,
            } => write!(
                f,
                "the arbiter {arbiter} has not turned for {silent_for:?} or longer"
            ),
        }
    }
}

/// The first fatal event that found the channel full.
type Latch = Arc<Mutex<Option<Event>>>;

/// Where events are put. Never blocks, never panics: it is used where nothing may go wrong.
#[derive(Clone, Debug)]
pub(super) struct Sink {
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
pub(super) fn channel() -> (Sink, Events) {
    let (tx, rx) = mpsc::channel(CAPACITY);
    let latch = Latch::default();
    (
        Sink {
            queue: tx,
            latch: Arc::clone(&latch),
        },
        Events { queue: rx, latch },
    )
}

impl Sink {
    pub(super) fn send(&self, event: Event) {
        if !event.is_fatal() {
            let _ = self.queue.try_send(event);
            return;
        }
        // Under the lock, so that the listener cannot empty the full queue and go to sleep before the latch is set:
        // each of its steps looks at the latch first.
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

    /// [`next`](Self::next) for a plain thread, which hears that an arbiter is stuck even when it is the root's own.
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
        let (sink, mut events) = channel();
        for _ in 0..2 * CAPACITY {
            sink.send(harmless());
        }
        sink.send(fatal("web"));
        sink.send(fatal("network"));
        drop(sink);
        assert_eq!(events.blocking_next(), Some(fatal("web")));
        let mut rest = 0;
        while events.blocking_next().is_some() {
            rest += 1;
        }
        assert_eq!(rest, CAPACITY);
    }

    #[test]
    fn an_event_reads_like_a_log_line() {
        let event = Event::Restarted {
            actor: ActorName("router"),
            path: TreePath::root().child("network").child("router"),
            cause: Cause::Panic {
                message: "index out of bounds".to_owned(),
            },
            in_window: 2,
            total: 7,
        };
        assert_eq!(
            event.to_string(),
            "root/network/router is restarted (2 lately, 7 in all): it panicked: index out of bounds"
        );
    }
}

//! The events of a tree, for its root.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;

/// What an actor is called in the tree, in logs and in metric labels: `router`, `election`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorName(pub &'static str);

impl fmt::Display for ActorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The place of an actor or a group in the tree, as in `root/network/router`.
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
    /// A panic in its code.
    Panic {
        /// The panic's message, at most 512 bytes.
        message: String,
    },
    /// It gave up with an error.
    Failed {
        /// The error in words, at most 512 bytes.
        error: String,
    },
    /// It began a job and did not end it in time, or gave no heartbeat.
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
    /// An actor was started.
    Started {
        /// Its name, the last part of its path.
        actor: ActorName,
        /// Its place in the tree.
        path: TreePath,
    },
    /// An actor crashed and is about to be restarted. One event per crash within the budget.
    Restarted {
        /// Its name, the last part of its path.
        actor: ActorName,
        /// Its place in the tree.
        path: TreePath,
        /// What ended the last incarnation.
        cause: Cause,
        /// Crashes within the budget's window, this one included.
        in_window: u32,
        /// Crashes since the program started, this one included.
        total: u64,
    },
    /// An actor used up its budget, or could not be started: its address is closed. Comes once per
    /// actor.
    Escalated {
        /// Its name, the last part of its path.
        actor: ActorName,
        /// Its place in the tree.
        path: TreePath,
        /// The crash that was one too many.
        cause: Cause,
        /// The budget it exceeded.
        budget: Budget,
    },
    /// An actor ended because a shutdown was requested.
    Ended {
        /// Its name, the last part of its path.
        actor: ActorName,
        /// Its place in the tree.
        path: TreePath,
    },
    /// An actor started its blocking thread again.
    ThreadRestarted {
        /// The actor that owns the thread.
        actor: ActorName,
        /// The thread's place in the tree, below its owner.
        path: TreePath,
        /// What ended the previous thread.
        cause: Cause,
        /// Restarts of this thread since its owner was made.
        total: u64,
    },
    /// A thread hangs. It was told to end when it wakes; nothing can end it before.
    ThreadAbandoned {
        /// The actor that owns the thread.
        actor: ActorName,
        /// The thread's place in the tree, below its owner.
        path: TreePath,
        /// How many threads of this worker hang now.
        abandoned: usize,
    },
    /// An arbiter's thread is blocked: everything on it waits, and nothing inside can
    /// restart it.
    ArbiterStuck {
        /// The name that it is watched under.
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

#[cfg(test)]
mod tests {
    use super::*;

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
            "root/network/router is restarted (2 lately, 7 in all): \
             it panicked: index out of bounds"
        );
    }
}

//! What happened, as a number (always) and as lines (when somebody wants to read them).

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::config::Millis;

/// Whether lines are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Hash,
    Lines,
}

pub struct Trace {
    keep: Keep,
    hasher: DefaultHasher,
    pub lines: Vec<String>,
}

impl Trace {
    pub fn new(keep: Keep) -> Self {
        Self {
            keep,
            hasher: DefaultHasher::new(),
            lines: Vec::new(),
        }
    }

    /// Something happened; two runs are the same when all of it was the same.
    pub fn note(&mut self, now: Millis, what: impl Hash, text: impl FnOnce() -> String) {
        (now, what).hash(&mut self.hasher);
        if self.keep == Keep::Lines {
            self.lines.push(format!("{now:>9} {}", text()));
        }
    }

    /// A line for people only.
    pub fn say(&mut self, now: Millis, text: fmt::Arguments<'_>) {
        if self.keep == Keep::Lines {
            self.lines.push(format!("{now:>9} {text}"));
        }
    }

    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }
}

//! The last changes, and what is taken from them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use super::changes::SiteChange;
use super::snapshot::Snapshot;
use crate::shared::CameraRef;

/// How many changes are kept: enough for a listener that was away for a while, and no more than a
/// page of text.
pub(super) const KEPT: usize = 64;

/// A change that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Rises by one with each change since the program started, from 1.
    pub sequence: u64,
    /// When this server noticed.
    pub at: SystemTime,
    /// What is different now, with the names as they were then.
    pub change: SiteChange,
}

/// The last changes, as a value that is replaced whole.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The oldest first, with sequence numbers one after the other; at most [`KEPT`].
    entries: VecDeque<Arc<HistoryEntry>>,
    /// What was known last.
    pub(super) snapshot: Option<Snapshot>,
}

impl Log {
    pub(super) fn with(&self, news: Vec<SiteChange>, snapshot: Snapshot, at: SystemTime) -> Self {
        let mut entries = self.entries.clone();
        for change in news {
            let sequence = entries.back().map_or(0, |last| last.sequence) + 1;
            entries.push_back(Arc::new(HistoryEntry {
                sequence,
                at,
                change,
            }));
        }
        entries.drain(..entries.len().saturating_sub(KEPT));
        Self {
            entries,
            snapshot: Some(snapshot),
        }
    }

    /// The sequence number of the newest change; 0 before the first.
    pub(super) fn newest(&self) -> u64 {
        self.entries.back().map_or(0, |last| last.sequence)
    }

    /// What came after `sequence`, the oldest first, as far as it is kept.
    pub(super) fn after(&self, sequence: u64) -> impl Iterator<Item = &Arc<HistoryEntry>> {
        self.entries
            .iter()
            .filter(move |entry| entry.sequence > sequence)
    }

    /// The sequence number of the newest change that is kept no more; 0 while all are.
    pub(super) fn forgotten(&self) -> u64 {
        self.entries.front().map_or(0, |oldest| oldest.sequence - 1)
    }

    /// The last one that was said to be the representative.
    pub(super) fn last_holder(&self) -> Option<&CameraRef> {
        match &self.last_of_leadership()?.change {
            SiteChange::Representative { to, .. } => Some(to),
            SiteChange::Vacancy { previous, .. } => previous.as_ref(),
            SiteChange::Camera { .. } | SiteChange::Router(_) => None,
        }
    }

    /// The last change of leadership.
    pub(super) fn last_of_leadership(&self) -> Option<&Arc<HistoryEntry>> {
        let of_leadership = |entry: &&Arc<HistoryEntry>| {
            matches!(
                entry.change,
                SiteChange::Representative { .. } | SiteChange::Vacancy { .. }
            )
        };
        self.entries.iter().rev().find(of_leadership)
    }
}

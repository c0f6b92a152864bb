//! What a simulated router counts, across its reboots.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use porthole_types::ExternalPort;

/// Counted since the first start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    calls: AtomicU64,
    /// As many keys as there are ports, at most.
    added: Mutex<HashMap<ExternalPort, u64>>,
}

impl Counts {
    /// A request came to a control URL.
    pub(super) fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// A host was given a mapping that it did not have.
    pub(super) fn count_added(&self, port: ExternalPort) {
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        *added.entry(port).or_default() += 1;
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn added(&self, port: ExternalPort) -> u64 {
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        added.get(&port).copied().unwrap_or_default()
    }
}

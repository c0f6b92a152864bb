//! Waiting until the election and the router have done what a command asks.

use std::time::Duration;

use crate::shared::SharedState;

/// How long the router may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked at, where nothing wakes the wait.
pub const LOOK: Duration = Duration::from_millis(50);

/// Waits until `is_so`. Most changes wake the history; an answer of the router that changes nothing
/// that people are told does not, so it is looked at in between.
pub async fn wait_until(shared: &SharedState, is_so: impl Fn() -> bool) {
    let mut changes = shared.history.watch();
    while !is_so() {
        // Either way it is looked at again.
        let _ = tokio::time::timeout(LOOK, changes.changed()).await;
    }
}

//! Waiting until the election and the router have done what a command asks.

use std::time::Duration;

use crate::shared::SharedState;

/// How long the router may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How often the condition is checked, where nothing wakes the wait.
pub const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Waits until `is_done`. Most changes wake the history; an answer of the router that changes
/// nothing that is reported there does not, so the condition is checked in between, too.
pub async fn wait_until(shared: &SharedState, is_done: impl Fn() -> bool) {
    let mut changes = shared.history.watch();
    while !is_done() {
        // Either way the condition is checked again.
        let _ = tokio::time::timeout(CHECK_INTERVAL, changes.changed()).await;
    }
}

//! The time of requests.

use std::time::Instant;

/// The runtime's clock, so that tests can hold it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Whole seconds that have passed since then: rounding up would take a lease cut short by 2 s for a
/// slow answer.
pub(super) fn seconds_since(then: Instant) -> u32 {
    u32::try_from(now().saturating_duration_since(then).as_secs()).unwrap_or(u32::MAX)
}

//! This camera's clock, as claims and passwords are dated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970, by this camera's clock.
pub fn unix_now() -> u64 {
    since_1970().as_secs()
}

/// Milliseconds since 1970, by this camera's clock.
pub(super) fn unix_now_millis() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

fn since_1970() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

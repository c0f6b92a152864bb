//! Times as the API gives them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 with a fraction; a clock set before that gives 0.
pub fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

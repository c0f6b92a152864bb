//! Times as the API gives them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize as _, Serializer};

/// Seconds since 1970 with a fraction; a clock set before that gives 0.
pub fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// The same for a field that serde derives.
#[expect(clippy::ref_option, reason = "serde passes the field so")]
pub(super) fn serialize<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(unix_seconds).serialize(serializer)
}

//! How often the loops of this crate ask whether to go on.

use std::time::Duration;

/// The longest wait of a loop between two questions to its owner: soon enough that a stop is not
/// felt, and well within what a supervisor allows between two signs of life.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(200);

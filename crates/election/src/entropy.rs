//! Randomness as the rules see it.

use std::time::Duration;

/// One draw of 64 random bits, given to each step from outside: the same draw gives the same
/// answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entropy(pub u64);

impl Entropy {
    /// A span from zero up to, but not including, `most`, in whole milliseconds.
    #[must_use]
    pub fn span(self, most: Duration) -> Duration {
        fraction(self.0, most)
    }

    /// A span from `least` up to, but not including, `most`.
    #[must_use]
    pub fn between(self, least: Duration, most: Duration) -> Duration {
        least + self.span(most.saturating_sub(least))
    }
}

/// The part of `most` that these bits stand for: none for 0, nearly all for the greatest.
pub(super) fn fraction(bits: u64, most: Duration) -> Duration {
    let millis = most.as_millis() as u64; // a heartbeat is an hour at most
    Duration::from_millis(((u128::from(bits) * u128::from(millis)) >> 64) as u64)
}

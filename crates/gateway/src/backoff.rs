//! How long to wait before trying a router again: 2 s, doubling to 5 min, with jitter. Pure: the
//! jitter is passed in.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(5);

/// Waits that grow with each failure, so that a router that is down is not hammered, and differ
/// between servers, so that they do not all come back at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Count a failure and say how long to wait: the doubled time, of which a random part of at
    /// most a quarter is taken off. `jitter` is that randomness, 0 (nothing off) to 1 (the
    /// whole quarter); anything else is clamped.
    pub fn failed(&mut self, jitter: f64) -> Duration {
        let doublings = self.failures;
        self.failures = self.failures.saturating_add(1);
        let full = 2u32
            .checked_pow(doublings)
            .and_then(|factor| FIRST.checked_mul(factor))
            .map_or(LONGEST, |wait| wait.min(LONGEST));
        let jitter = if jitter.is_finite() {
            jitter.clamp(0.0, 1.0)
        } else {
            0.0
        };
        full.mul_f64(1.0 - jitter / 4.0)
    }

    /// It worked: the next failure starts from the beginning.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_wait_doubles_from_two_seconds_to_five_minutes_and_starts_over_after_a_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..10).map(|_| backoff.failed(0.0).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        backoff.succeeded();
        assert_eq!(backoff.failed(0.0), FIRST);
    }

    proptest! {
        #[test]
        fn any_failure_and_any_jitter_give_a_wait_between_one_and_a_half_seconds_and_five_minutes(
            failures in any::<u32>(), jitter in any::<f64>(),
        ) {
            let wait = Backoff { failures }.failed(jitter);
            prop_assert!(wait >= Duration::from_millis(1_500) && wait <= LONGEST, "{wait:?}");
        }
    }
}

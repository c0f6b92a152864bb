//! How long to wait before the next try: doubling, capped, jittered.
//!
//! Plain data: it counts no failures, reads no clock and draws no random number itself, so that a
//! supervisor, a search for a router and a pure state machine can all use it.
//!
//! ```
//! use std::time::Duration;
//! use porthole_backoff::Backoff;
//!
//! let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2), 20)?;
//! assert_eq!(backoff.after(0, 0), Duration::ZERO);
//! assert_eq!(backoff.after(1, 0), Duration::from_millis(50));
//! assert_eq!(backoff.after(9, 0), Duration::from_secs(2));
//! // The largest draw takes the whole jitter off: a fifth.
//! assert_eq!(backoff.after(9, u64::MAX), Duration::from_millis(1_600));
//! # Ok::<(), porthole_backoff::BadBackoff>(())
//! ```

use std::time::Duration;

/// The waits between tries: `base` after the first failure in a row, doubling up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    jitter_percent: u8,
}

/// Why a [`Backoff`] was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBackoff {
    /// A zero base would never grow.
    #[error("a back-off must begin with a wait longer than zero")]
    ZeroBase,
    /// The cap lies below the first wait.
    #[error("a back-off cannot begin with {base:?} and end at {max:?}")]
    MaxBelowBase {
        /// The first wait asked for.
        base: Duration,
        /// The longest wait asked for.
        max: Duration,
    },
    /// More than all of a wait cannot be taken from it.
    #[error("a back-off's jitter is 0 to 100 percent, not {0}")]
    Jitter(u8),
}

impl Backoff {
    /// No waits at all: for what is cheap to repeat and bounded by something else.
    pub const NONE: Self = Self {
        base: Duration::ZERO,
        max: Duration::ZERO,
        jitter_percent: 0,
    };

    /// Waits of `base`, twice that, four times that, up to `max`, each shortened by up to
    /// `jitter_percent`.
    ///
    /// # Errors
    /// When `base` is zero or longer than `max`, or the jitter is more than 100 percent.
    pub const fn new(
        base: Duration,
        max: Duration,
        jitter_percent: u8,
    ) -> Result<Self, BadBackoff> {
        if base.is_zero() {
            return Err(BadBackoff::ZeroBase);
        }
        if max.as_nanos() < base.as_nanos() {
            return Err(BadBackoff::MaxBelowBase { base, max });
        }
        if jitter_percent > 100 {
            return Err(BadBackoff::Jitter(jitter_percent));
        }
        Ok(Self {
            base,
            max,
            jitter_percent,
        })
    }

    /// The longest wait.
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// The wait after so many failures in a row; none after none. `draw` decides the jitter: 0
    /// shortens nothing, `u64::MAX` shortens by all of it.
    pub fn after(&self, failures: u32, draw: u64) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        let doubled = 2_u32
            .checked_pow(doublings)
            .and_then(|factor| self.base.checked_mul(factor))
            .map_or(self.max, |wait| wait.min(self.max));
        if self.jitter_percent == 0 {
            return doubled; // exactly: no rounding by a factor of one
        }
        let share = f64::from(self.jitter_percent) / 100.0 * (draw as f64 / u64::MAX as f64);
        // Both factors are within 0 and 1, so the product neither overflows nor goes below zero.
        doubled.mul_f64(1.0 - share)
    }
}

/// A draw for [`Backoff::after`] that differs between users (`seed`) and between tries (`count`),
/// but not between two runs of a simulation: one step of `SplitMix64` (Steele, Lea, Flood 2014).
#[must_use]
pub fn draw(seed: &str, count: u64) -> u64 {
    // FNV-1a over the name.
    let name = seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut z = name.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn without_a_failure_there_is_no_wait_and_then_it_doubles_up_to_the_cap() {
        let backoff = Backoff::new(ms(100), ms(1_000), 0).unwrap();
        let waits: Vec<_> = (0..=6).map(|failures| backoff.after(failures, 0)).collect();
        assert_eq!(
            waits,
            [
                ms(0),
                ms(100),
                ms(200),
                ms(400),
                ms(800),
                ms(1_000),
                ms(1_000)
            ]
        );
        assert_eq!(backoff.after(u32::MAX, 0), ms(1_000));
    }

    #[test]
    fn full_jitter_takes_the_whole_wait_and_none_takes_nothing() {
        let backoff = Backoff::new(ms(100), ms(1_000), 50).unwrap();
        assert_eq!(backoff.after(2, 0), ms(200));
        assert_eq!(backoff.after(2, u64::MAX), ms(100));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Backoff::new(ms(0), ms(1), 0), Err(BadBackoff::ZeroBase));
        assert_eq!(
            Backoff::new(ms(2), ms(1), 0),
            Err(BadBackoff::MaxBelowBase {
                base: ms(2),
                max: ms(1)
            })
        );
        assert_eq!(
            Backoff::new(ms(1), ms(2), 101),
            Err(BadBackoff::Jitter(101))
        );
    }

    #[test]
    fn two_users_and_two_tries_draw_differently() {
        assert_ne!(draw("root/network/router", 1), draw("root/network/lan", 1));
        assert_ne!(
            draw("root/network/router", 1),
            draw("root/network/router", 2)
        );
        assert_eq!(
            draw("root/network/router", 2),
            draw("root/network/router", 2)
        );
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_cap(
            base in 1_u64..10_000,
            more in 0_u64..100_000,
            jitter in 0_u8..=100,
            failures in any::<u32>(),
            draw in any::<u64>(),
        ) {
            let backoff = Backoff::new(ms(base), ms(base + more), jitter).unwrap();
            prop_assert!(backoff.after(failures, draw) <= backoff.max());
        }
    }
}

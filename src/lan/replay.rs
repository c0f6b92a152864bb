//! The replay window: no signed message counts twice.
//!
//! Each sender numbers its runs (the boot id) and, in each run, its messages. Of the newest run,
//! the highest number and the 63 before it are remembered, so that datagrams may overtake each
//! other; whatever is older, of that run or of an earlier one, is refused.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Rejection;
use porthole_types::forget_oldest;
use porthole_types::{BootId, InstanceId};

/// Senders remembered. Beyond it the one not heard for longest goes; only holders of the key can
/// fill it.
const MAX_SENDERS: usize = 512;

/// The highest number and the 63 before it, one bit each.
const WINDOW: u64 = u64::BITS as u64;

#[derive(Clone, Copy)]
struct SenderWindow {
    boot: BootId,
    highest: u64,
    /// Bit `n`: the message numbered `highest - n` was heard.
    heard: u64,
    /// When its last message came.
    at: Instant,
}

/// The windows of all senders.
#[derive(Default)]
pub struct ReplayFilter {
    senders: BTreeMap<InstanceId, SenderWindow>,
}

impl ReplayFilter {
    /// Takes note of a message that is known to be authentic.
    ///
    /// # Errors
    /// [`Rejection::Replay`] when its number was heard before, or is too old to tell.
    pub fn admit(
        &mut self,
        from: InstanceId,
        boot: BootId,
        counter: u64,
        now: Instant,
    ) -> Result<(), Rejection> {
        let next = match self.senders.get(&from) {
            Some(window) if boot == window.boot => advance(*window, counter)?,
            Some(window) if boot < window.boot => return Err(Rejection::Replay),
            _ => SenderWindow {
                boot,
                highest: counter,
                heard: 1,
                at: now,
            },
        };
        self.senders.insert(from, SenderWindow { at: now, ..next });
        forget_oldest(&mut self.senders, MAX_SENDERS, |window| window.at);
        Ok(())
    }
}

fn advance(window: SenderWindow, counter: u64) -> Result<SenderWindow, Rejection> {
    if let Some(ahead) = counter
        .checked_sub(window.highest)
        .filter(|ahead| *ahead > 0)
    {
        // A shift by all 64 bits is no shift in Rust: a leap leaves nothing of the old window.
        let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
        let heard = window.heard.checked_shl(shift).unwrap_or(0) | 1;
        return Ok(SenderWindow {
            highest: counter,
            heard,
            ..window
        });
    }
    let behind = window.highest - counter;
    if behind >= WINDOW || window.heard & (1 << behind) != 0 {
        return Err(Rejection::Replay);
    }
    Ok(SenderWindow {
        heard: window.heard | 1 << behind,
        ..window
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const ONE: InstanceId = InstanceId(1);

    fn admit(replay: &mut ReplayFilter, boot: u64, counter: u64) -> bool {
        replay
            .admit(ONE, BootId(boot), counter, Instant::now())
            .is_ok()
    }

    #[test]
    fn an_earlier_run_is_over_once_a_later_one_was_heard() {
        let mut replay = ReplayFilter::default();
        assert!(admit(&mut replay, 5, 1000));
        assert!(admit(&mut replay, 6, 1), "a new run counts from its start");
        assert!(!admit(&mut replay, 5, 1001));
        assert!(admit(&mut replay, 6, 2));
    }

    #[test]
    fn a_leap_of_any_length_forgets_only_what_is_too_old() {
        let mut replay = ReplayFilter::default();
        for counter in [0, 1, 64, 65, u64::MAX - 1, u64::MAX] {
            assert!(admit(&mut replay, 1, counter), "{counter}");
            assert!(!admit(&mut replay, 1, counter), "{counter} again");
        }
        assert!(admit(&mut replay, 1, u64::MAX - 63));
        assert!(!admit(&mut replay, 1, u64::MAX - 64));
    }

    #[test]
    fn the_table_keeps_those_heard_last() {
        let mut replay = ReplayFilter::default();
        let start = Instant::now();
        let heard = |replay: &mut ReplayFilter, id, second| {
            let at = start + Duration::from_secs(second);
            replay.admit(InstanceId(id), BootId(1), second, at)
        };
        heard(&mut replay, 0, 0).unwrap();
        for id in 1..=2 * MAX_SENDERS as u64 {
            heard(&mut replay, id, 2 * id).unwrap();
            heard(&mut replay, 0, 2 * id + 1).unwrap();
        }
        assert_eq!(replay.senders.len(), MAX_SENDERS);
        assert_eq!(heard(&mut replay, 0, 1), Err(Rejection::Replay));
    }

    proptest! {
        /// Against the definition, said without bits.
        #[test]
        fn each_message_counts_once_and_in_any_order_within_the_window(
            counters in prop::collection::vec(0_u64..200, 1..200),
        ) {
            let mut replay = ReplayFilter::default();
            let mut heard = BTreeSet::new();
            for counter in counters {
                let too_old = heard.last().is_some_and(|highest| counter + WINDOW <= *highest);
                let expected = !too_old && !heard.contains(&counter);
                prop_assert_eq!(admit(&mut replay, 1, counter), expected);
                if expected {
                    heard.insert(counter);
                }
            }
        }
    }
}

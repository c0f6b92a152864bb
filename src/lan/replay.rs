//! The replay window: no signed message counts twice.
//!
//! Each sender numbers its runs and, in each run, its messages. Of the newest run heard of, the
//! highest number and the 64 before it are remembered, so that datagrams may overtake each other;
//! whatever is older, of that run or of an earlier one, is refused.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Rejection;
use porthole_types::forget_oldest;
use porthole_types::{BootId, InstanceId};

/// Senders remembered. Beyond it the one not heard for longest goes; only holders of the key can
/// fill it.
const MOST_SENDERS: usize = 512;

/// The highest message and the 63 before it, one bit each.
const WINDOW: u64 = u64::BITS as u64;

#[derive(Clone, Copy)]
struct Seen {
    boot: BootId,
    highest: u64,
    /// Bit `n`: the message numbered `highest - n` was heard.
    heard: u64,
    at: Instant,
}

/// What was heard of whom.
#[derive(Default)]
pub struct Replay {
    senders: BTreeMap<InstanceId, Seen>,
}

impl Replay {
    /// Takes note of a message that is known to be authentic.
    ///
    /// # Errors
    /// [`Rejection::Replay`] when it was heard before, or is too old to tell.
    pub fn admit(
        &mut self,
        from: InstanceId,
        boot: BootId,
        counter: u64,
        now: Instant,
    ) -> Result<(), Rejection> {
        let next = match self.senders.get(&from) {
            Some(seen) if boot == seen.boot => advance(*seen, counter)?,
            Some(seen) if boot < seen.boot => return Err(Rejection::Replay),
            _ => Seen {
                boot,
                highest: counter,
                heard: 1,
                at: now,
            },
        };
        self.senders.insert(from, Seen { at: now, ..next });
        forget_oldest(&mut self.senders, MOST_SENDERS, |seen| seen.at);
        Ok(())
    }
}

fn advance(seen: Seen, counter: u64) -> Result<Seen, Rejection> {
    if let Some(ahead) = counter.checked_sub(seen.highest).filter(|ahead| *ahead > 0) {
        // A shift by all 64 bits is no shift in Rust: a leap leaves nothing of the old window.
        let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
        let heard = seen.heard.checked_shl(shift).unwrap_or(0) | 1;
        return Ok(Seen {
            highest: counter,
            heard,
            ..seen
        });
    }
    let behind = seen.highest - counter;
    if behind >= WINDOW || seen.heard & (1 << behind) != 0 {
        return Err(Rejection::Replay);
    }
    Ok(Seen {
        heard: seen.heard | 1 << behind,
        ..seen
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const ONE: InstanceId = InstanceId(1);

    fn admit(replay: &mut Replay, boot: u64, counter: u64) -> bool {
        replay
            .admit(ONE, BootId(boot), counter, Instant::now())
            .is_ok()
    }

    #[test]
    fn an_earlier_run_is_over_once_a_later_one_was_heard() {
        let mut replay = Replay::default();
        assert!(admit(&mut replay, 5, 1000));
        assert!(admit(&mut replay, 6, 1), "a new run counts from its start");
        assert!(!admit(&mut replay, 5, 1001));
        assert!(admit(&mut replay, 6, 2));
    }

    #[test]
    fn a_leap_of_any_length_forgets_only_what_is_too_old() {
        let mut replay = Replay::default();
        for counter in [0, 1, 64, 65, u64::MAX - 1, u64::MAX] {
            assert!(admit(&mut replay, 1, counter), "{counter}");
            assert!(!admit(&mut replay, 1, counter), "{counter} again");
        }
        assert!(admit(&mut replay, 1, u64::MAX - 63));
        assert!(!admit(&mut replay, 1, u64::MAX - 64));
    }

    #[test]
    fn the_table_keeps_those_heard_last() {
        let mut replay = Replay::default();
        let start = Instant::now();
        let heard = |replay: &mut Replay, id, second| {
            let at = start + Duration::from_secs(second);
            replay.admit(InstanceId(id), BootId(1), second, at)
        };
        heard(&mut replay, 0, 0).unwrap();
        for id in 1..=2 * MOST_SENDERS as u64 {
            heard(&mut replay, id, 2 * id).unwrap();
            heard(&mut replay, 0, 2 * id + 1).unwrap();
        }
        assert_eq!(replay.senders.len(), MOST_SENDERS);
        assert_eq!(heard(&mut replay, 0, 1), Err(Rejection::Replay));
    }

    proptest! {
        /// Against the definition, said without bits.
        #[test]
        fn each_message_counts_once_and_in_any_order_within_the_window(
            counters in prop::collection::vec(0_u64..200, 1..200),
        ) {
            let mut replay = Replay::default();
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

//! When a frame was captured: from the driver's clock to the program's. Pure but for
//! [`Moment::of`].

use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use v4l::buffer::Flags;
use v4l::timestamp::Timestamp;

/// A frame that claims to be older was stamped by another clock than the monotonic one.
const OLDEST: Duration = Duration::from_secs(10);

/// The same moment on both of the program's clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) wall: SystemTime,
    pub(super) monotonic: Instant,
}

impl Moment {
    /// When a frame with these flags and this stamp was captured; now, when its stamp is of no use.
    pub(super) fn of(flags: Flags, stamp: Timestamp) -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let now = duration(now.tv_sec, now.tv_nsec).unwrap_or_default();
        let age = stamp_of(flags, stamp).map_or(Duration::ZERO, |stamp| age(now, stamp));
        let (wall, monotonic) = (SystemTime::now(), Instant::now());
        Self {
            wall: wall.checked_sub(age).unwrap_or(wall),
            monotonic: monotonic.checked_sub(age).unwrap_or(monotonic),
        }
    }
}

/// The stamp as time since boot, if the driver used the monotonic clock (nearly all do) and filled
/// it in.
fn stamp_of(flags: Flags, stamp: Timestamp) -> Option<Duration> {
    let monotonic = flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
    if !monotonic || (stamp.sec, stamp.usec) == (0, 0) {
        return None;
    }
    duration(stamp.sec, stamp.usec.checked_mul(1000)?)
}

fn duration(seconds: i64, nanoseconds: i64) -> Option<Duration> {
    let seconds = u64::try_from(seconds).ok()?;
    let nanoseconds = u32::try_from(nanoseconds)
        .ok()
        .filter(|&n| n < 1_000_000_000)?;
    Some(Duration::new(seconds, nanoseconds))
}

/// How long ago `stamp` was, both on the monotonic clock; zero when it lies in the future or too
/// far back.
fn age(now: Duration, stamp: Duration) -> Duration {
    now.checked_sub(stamp)
        .filter(|&age| age <= OLDEST)
        .unwrap_or_default()
}

/// Widens the driver's count of frames, which has 32 bits and wraps after 4.5 years at 30/s, or
/// sooner when a driver starts near the top.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last: Option<u32>,
    count: u64,
}

impl Sequence {
    pub(super) fn widen(&mut self, number: u32) -> u64 {
        let step = self.last.map_or(0, |last| number.wrapping_sub(last));
        self.last = Some(number);
        self.count = self.count.saturating_add(u64::from(step));
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONOTONIC: Flags = Flags::TIMESTAMP_MONOTONIC;

    #[test]
    fn a_stamp_is_read_to_the_microsecond() {
        assert_eq!(
            stamp_of(MONOTONIC, Timestamp::new(12, 345_678)),
            Some(Duration::from_micros(12_345_678))
        );
    }

    #[test]
    fn stamps_of_another_clock_or_of_none_are_not_used() {
        assert_eq!(
            stamp_of(Flags::TIMESTAMP_UNKNOWN, Timestamp::new(12, 0)),
            None
        );
        assert_eq!(stamp_of(Flags::TIMESTAMP_COPY, Timestamp::new(12, 0)), None);
        assert_eq!(stamp_of(MONOTONIC, Timestamp::new(0, 0)), None);
    }

    #[test]
    fn stamps_that_are_no_time_are_not_used() {
        for (sec, usec) in [
            (-1, 0),
            (1, -1),
            (1, 1_000_000),
            (1, i64::MAX),
            (i64::MIN, 5),
        ] {
            assert_eq!(
                stamp_of(MONOTONIC, Timestamp::new(sec, usec)),
                None,
                "{sec} {usec}"
            );
        }
    }

    #[test]
    fn the_age_of_a_frame_is_only_believed_when_it_can_be_true() {
        let s = Duration::from_secs;
        assert_eq!(age(s(100), s(99)), s(1));
        assert_eq!(age(s(100), s(101)), Duration::ZERO, "from the future");
        assert_eq!(age(s(100), s(80)), Duration::ZERO, "from another clock");
    }

    #[test]
    fn a_frame_stamped_just_now_gets_the_time_of_now() {
        let before = Instant::now();
        let now = clock_gettime(ClockId::Monotonic);
        let moment = Moment::of(MONOTONIC, Timestamp::new(now.tv_sec, now.tv_nsec / 1000));
        // The stamp is rounded down to the microsecond.
        assert!(moment.monotonic + Duration::from_micros(1) >= before);
        assert!(moment.monotonic <= Instant::now());
    }

    #[test]
    fn a_count_that_wraps_goes_on_rising_and_shows_its_gaps() {
        let mut sequence = Sequence::default();
        let seen = [u32::MAX - 1, u32::MAX, 0, 3].map(|n| sequence.widen(n));
        assert_eq!(seen, [0, 1, 2, 5]);
    }
}

//! How much is listened to: a limit for each address, by the `governor` crate (GCRA, which counts
//! as a token bucket does).
//!
//! Addresses from which nothing was admitted yet share one more limit, so that a flood with made-up
//! sources uses up only what unknown addresses have, and a camera that is known is heard through
//! it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::Rejection;

/// One address. A camera sends some ten messages a heartbeat at the worst, and a heartbeat is 100
/// ms at least.
const OF_ONE: Quota = quota(200, 400);

/// One address, for challenges that are sent there. A server that has started is asked once, and
/// again where that was lost; who sends a recording from a made-up address has no more sent there.
const CHALLENGES: Quota = quota(50, 100);

/// All unknown addresses together: 250 cameras that are switched on at once are heard at their
/// first message.
const OF_UNKNOWN: Quota = quota(1000, 2000);

/// Addresses with a limit of their own. When the table is full those idle for longer than [`IDLE`]
/// go, and while there are none new addresses are not listened to.
const MAX_ADDRESSES: usize = 1024;

/// From then on an address has its whole burst again, and forgetting it changes nothing.
const IDLE: Duration = Duration::from_secs(2);

/// How long an address stays known after the last message admitted from it.
const KNOWN_FOR: Duration = Duration::from_mins(10);

const fn quota(a_second: u32, burst: u32) -> Quota {
    Quota::per_second(not_zero(a_second)).allow_burst(not_zero(burst))
}

const fn not_zero(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a rate is not 0")
}

/// The time since the limiter was made, as it was told last. It never goes back.
#[derive(Clone, Default)]
struct GivenTime(Arc<AtomicU64>);

impl GivenTime {
    fn advance_to(&self, since_start: Duration) {
        let nanos = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_max(nanos, Ordering::Relaxed);
    }
}

impl Clock for GivenTime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A limit of its own, 40 bytes.
type Bucket = RateLimiter<NotKeyed, InMemoryState, GivenTime, NoOpMiddleware<Duration>>;

fn take_from(bucket: &Bucket) -> Result<(), Rejection> {
    bucket.check().map_err(|_| Rejection::TooMany)
}

struct Address {
    bucket: Bucket,
    heard_at: Instant,
    known_until: Option<Instant>,
}

impl Address {
    fn is_known(&self, now: Instant) -> bool {
        self.known_until.is_some_and(|until| now < until)
    }
}

/// What each address, and all unknown ones together, may still send.
pub struct Limiter {
    of_one: Quota,
    start: Instant,
    time: GivenTime,
    addresses: HashMap<Ipv4Addr, Address>,
    unknown: Bucket,
    swept_at: Option<Instant>,
}

impl Limiter {
    /// Of datagrams that are listened to. Everybody has the whole burst.
    pub fn new(now: Instant) -> Self {
        Self::with(OF_ONE, now)
    }

    /// Of challenges that are sent.
    pub fn of_challenges(now: Instant) -> Self {
        Self::with(CHALLENGES, now)
    }

    fn with(of_one: Quota, now: Instant) -> Self {
        let time = GivenTime::default();
        Self {
            of_one,
            start: now,
            addresses: HashMap::new(),
            unknown: RateLimiter::direct_with_clock(OF_UNKNOWN, time.clone()),
            time,
            swept_at: None,
        }
    }

    /// Counts a datagram from this address.
    ///
    /// # Errors
    /// [`Rejection::TooMany`] when it is one too many.
    pub fn take(&mut self, from: Ipv4Addr, now: Instant) -> Result<(), Rejection> {
        self.time
            .advance_to(now.saturating_duration_since(self.start));
        if let Some(address) = self.addresses.get_mut(&from) {
            address.heard_at = address.heard_at.max(now);
            take_from(&address.bucket)?;
            if address.is_known(now) {
                return Ok(());
            }
            return take_from(&self.unknown);
        }
        // Before a place in the table is given, so that it cannot be filled faster than that.
        take_from(&self.unknown)?;
        if self.addresses.len() >= MAX_ADDRESSES {
            self.sweep(now);
        }
        if self.addresses.len() >= MAX_ADDRESSES {
            return Err(Rejection::TooMany);
        }
        let address = Address {
            bucket: RateLimiter::direct_with_clock(self.of_one, self.time.clone()),
            heard_at: now,
            known_until: None,
        };
        take_from(&address.bucket)?;
        self.addresses.insert(from, address);
        Ok(())
    }

    /// A message from this address was admitted: it is known from now on.
    pub fn know(&mut self, from: Ipv4Addr, now: Instant) {
        if let Some(address) = self.addresses.get_mut(&from) {
            address.known_until = Some(now + KNOWN_FOR);
        }
    }

    /// Makes room, at most once in [`IDLE`]: walking the table for each datagram of a flood would
    /// serve the flood.
    fn sweep(&mut self, now: Instant) {
        let lately = |at: Instant| now.saturating_duration_since(at) < IDLE;
        if self.swept_at.is_some_and(lately) {
            return;
        }
        self.swept_at = Some(now);
        self.addresses
            .retain(|_, address| address.is_known(now) || lately(address.heard_at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 11);

    fn unknown(n: u32) -> Ipv4Addr {
        Ipv4Addr::from(0x0a00_0000 + n)
    }

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn one_address_may_say_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut limit = Limiter::new(start);
        let heard = (0..10_000).filter(|_| limit.take(CAMERA, start).is_ok());
        assert_eq!(heard.count(), 400);
        let heard = (0..10_000).filter(|n| limit.take(CAMERA, at(start, n / 10)).is_ok());
        assert_eq!(
            heard.count(),
            199,
            "a second later, less the part not yet full"
        );
    }

    #[test]
    fn two_hundred_and_fifty_cameras_at_the_shortest_heartbeat_are_all_heard() {
        let start = Instant::now();
        let mut limit = Limiter::new(start);
        for heartbeat in 0..50 {
            let now = at(start, heartbeat * 100);
            for camera in 0..250 {
                for _ in 0..8 {
                    limit.take(unknown(camera), now).unwrap();
                    limit.know(unknown(camera), now);
                }
            }
        }
    }

    #[test]
    fn a_known_camera_is_heard_through_a_flood_from_made_up_addresses() {
        let start = Instant::now();
        let mut limit = Limiter::new(start);
        limit.take(CAMERA, start).unwrap();
        limit.know(CAMERA, start);
        let mut passed = 0;
        for n in 0..100_000 {
            let now = at(start, u64::from(n) / 10); // 10,000 a second, for 10 s
            passed += u32::from(limit.take(unknown(n), now).is_ok());
            if n % 1000 == 0 {
                assert_eq!(limit.take(CAMERA, now), Ok(()));
            }
        }
        assert!(limit.addresses.len() <= MAX_ADDRESSES);
        assert!(passed < 12_000, "{passed}");
    }

    #[test]
    fn after_a_flood_new_addresses_find_room_again() {
        let start = Instant::now();
        let mut limit = Limiter::new(start);
        for n in 0..2000 {
            let _ = limit.take(unknown(n), start);
        }
        let later = at(start, 2500);
        assert_eq!(limit.take(CAMERA, later), Ok(()));
        assert_eq!(limit.addresses.len(), 1);
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_makes_no_tokens() {
        let start = Instant::now();
        let mut limit = Limiter::new(at(start, 1000));
        let heard = (0..10_000).filter(|n| limit.take(CAMERA, at(start, 1000 - n % 1000)).is_ok());
        assert_eq!(heard.count(), 400);
    }
}

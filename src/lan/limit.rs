//! How much is listened to: token buckets.
//!
//! Every address has a bucket of its own. Addresses from which nothing was admitted yet share one
//! more, so that a flood with made-up sources spends only what strangers have, and a camera that is
//! known is heard through it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::Rejected;

/// One address. A camera says some ten messages a heartbeat at the worst, and a heartbeat is 100 ms
/// at least.
const OF_ONE: Rate = Rate {
    a_second: 200.0,
    burst: 400.0,
};

/// All strangers together: 250 cameras that are switched on at once are heard at their first word.
const OF_STRANGERS: Rate = Rate {
    a_second: 1000.0,
    burst: 2000.0,
};

/// Addresses with a bucket. When it is full those idle for longer than [`IDLE`] go, and while there
/// are none new addresses are not listened to.
const MOST_ADDRESSES: usize = 1024;

/// From then on a bucket is full again, and forgetting it changes nothing.
const IDLE: Duration = Duration::from_secs(2);

/// How long an address stays known after the last message admitted from it.
const KNOWN_FOR: Duration = Duration::from_mins(10);

#[derive(Clone, Copy)]
struct Rate {
    a_second: f64,
    burst: f64,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self {
            tokens: rate.burst,
            at: now,
        }
    }

    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Rejected> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * rate.a_second).min(rate.burst);
        if self.tokens < 1.0 {
            return Err(Rejected::TooMany);
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

struct Source {
    bucket: Bucket,
    known_until: Option<Instant>,
}

impl Source {
    fn is_known(&self, now: Instant) -> bool {
        self.known_until.is_some_and(|until| now < until)
    }
}

/// The buckets.
pub struct Limiter {
    sources: HashMap<Ipv4Addr, Source>,
    strangers: Bucket,
    swept_at: Option<Instant>,
}

impl Limiter {
    /// All buckets full.
    pub fn new(now: Instant) -> Self {
        Self {
            sources: HashMap::new(),
            strangers: Bucket::full(OF_STRANGERS, now),
            swept_at: None,
        }
    }

    /// Takes a token for a datagram from this address.
    ///
    /// # Errors
    /// [`Rejected::TooMany`] when there is none left.
    pub fn take(&mut self, from: Ipv4Addr, now: Instant) -> Result<(), Rejected> {
        if let Some(source) = self.sources.get_mut(&from) {
            source.bucket.take(OF_ONE, now)?;
            if source.is_known(now) {
                return Ok(());
            }
            return self.strangers.take(OF_STRANGERS, now);
        }
        // Before a place in the table is given, so that it cannot be filled faster than that.
        self.strangers.take(OF_STRANGERS, now)?;
        if self.sources.len() >= MOST_ADDRESSES {
            self.sweep(now);
        }
        if self.sources.len() >= MOST_ADDRESSES {
            return Err(Rejected::TooMany);
        }
        let mut bucket = Bucket::full(OF_ONE, now);
        bucket.take(OF_ONE, now)?;
        let source = Source {
            bucket,
            known_until: None,
        };
        self.sources.insert(from, source);
        Ok(())
    }

    /// A message from this address was admitted: it is no stranger any more.
    pub fn know(&mut self, from: Ipv4Addr, now: Instant) {
        if let Some(source) = self.sources.get_mut(&from) {
            source.known_until = Some(now + KNOWN_FOR);
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
        self.sources
            .retain(|_, source| source.is_known(now) || lately(source.bucket.at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 11);

    fn stranger(n: u32) -> Ipv4Addr {
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
                    limit.take(stranger(camera), now).unwrap();
                    limit.know(stranger(camera), now);
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
            passed += u32::from(limit.take(stranger(n), now).is_ok());
            if n % 1000 == 0 {
                assert_eq!(limit.take(CAMERA, now), Ok(()));
            }
        }
        assert!(limit.sources.len() <= MOST_ADDRESSES);
        assert!(passed < 12_000, "{passed}");
    }

    #[test]
    fn after_a_flood_new_addresses_find_room_again() {
        let start = Instant::now();
        let mut limit = Limiter::new(start);
        for n in 0..2000 {
            let _ = limit.take(stranger(n), start);
        }
        let later = at(start, 2500);
        assert_eq!(limit.take(CAMERA, later), Ok(()));
        assert_eq!(limit.sources.len(), 1);
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_makes_no_tokens() {
        let start = Instant::now();
        let mut limit = Limiter::new(at(start, 1000));
        let heard = (0..10_000).filter(|n| limit.take(CAMERA, at(start, 1000 - n % 1000)).is_ok());
        assert_eq!(heard.count(), 400);
    }
}

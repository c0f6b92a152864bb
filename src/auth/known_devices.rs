//! [`KnownDevices`]: who logged in rightly from an address, so that somebody else's guesses from
//! there do not keep them waiting.
//!
//! A device is an address and what it calls itself (`User-Agent`): friends behind one router or
//! proxy share the address, but their players seldom the name. While its address has to wait
//! ([`super::throttle`]), a known device is still compared with the credentials that were right a
//! moment ago, which costs no hashing. If nothing bounded that, it would be a way to guess without
//! waiting for whoever shares the address and takes on the name; so what was *not* right there
//! spends a budget of the device's own, and who has spent it waits like everybody.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use porthole_types::forget_oldest;

/// Credentials that are not known to be right and are looked up for one device while its address
/// waits, at once, and how long until there is one more.
const LOOKUPS: f64 = 30.0;
const SECONDS_PER_LOOKUP: f64 = 5.0;

/// How long a device stays known after a right attempt.
const KNOWN_FOR: Duration = Duration::from_hours(24);

/// Devices that are remembered.
const MAX_DEVICES: usize = 4096;

/// Devices that logged in. Pure: the time is an argument.
pub struct KnownDevices {
    /// Keyed by chance, so that nobody can make up names that count as one.
    names: RandomState,
    devices: BTreeMap<(IpAddr, u64), KnownDevice>,
}

struct KnownDevice {
    /// When it was right last.
    right: Instant,
    /// What is left of [`LOOKUPS`], as of `refilled`.
    lookups: f64,
    refilled: Instant,
}

impl KnownDevices {
    /// Nobody has logged in yet.
    pub fn new() -> Self {
        Self {
            names: RandomState::new(),
            devices: BTreeMap::new(),
        }
    }

    /// The device that calls itself `agent`, at this address, was right.
    pub fn remember(&mut self, address: IpAddr, agent: &str, now: Instant) {
        let device = (address, self.names.hash_one(agent));
        let known = self.devices.entry(device).or_insert(KnownDevice {
            right: now,
            lookups: LOOKUPS,
            refilled: now,
        });
        known.right = now;
        forget_oldest(&mut self.devices, MAX_DEVICES, |known| known.right);
    }

    /// What `is_right` says, where this device is known and has not spent its budget; else false.
    pub fn look(
        &mut self,
        address: IpAddr,
        agent: &str,
        now: Instant,
        is_right: impl FnOnce() -> bool,
    ) -> bool {
        let device = (address, self.names.hash_one(agent));
        let Some(known) = self.devices.get_mut(&device) else {
            return false;
        };
        if now.saturating_duration_since(known.right) >= KNOWN_FOR {
            return false;
        }
        let passed = now.saturating_duration_since(known.refilled);
        known.refilled = known.refilled.max(now);
        let refilled = known.lookups + passed.as_secs_f64() / SECONDS_PER_LOOKUP;
        known.lookups = refilled.min(LOOKUPS);
        if known.lookups < 1.0 {
            return false;
        }
        if is_right() {
            known.right = now;
            true
        } else {
            known.lookups -= 1.0;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10));

    #[test]
    fn only_the_device_that_was_right_from_there_is_looked_up() {
        let now = Instant::now();
        let mut devices = KnownDevices::new();
        devices.remember(HOME, "Lavf/61", now);
        assert!(devices.look(HOME, "Lavf/61", now, || true));
        for (address, agent) in [(HOME, "curl/8"), (HOME, ""), (ELSEWHERE, "Lavf/61")] {
            let asked = devices.look(address, agent, now, || panic!("{agent} at {address}"));
            assert!(!asked);
        }
        let later = now + KNOWN_FOR;
        assert!(!devices.look(HOME, "Lavf/61", later, || panic!("a day later")));
    }

    #[test]
    fn what_is_right_spends_nothing_and_guesses_are_few() {
        let mut now = Instant::now();
        let mut devices = KnownDevices::new();
        devices.remember(HOME, "Lavf/61", now);
        for _ in 0..1000 {
            assert!(devices.look(HOME, "Lavf/61", now, || true));
        }
        // A guess every hundredth of a second, for an hour: it learns of few that they are wrong.
        let mut looked_up = 0;
        for _ in 0..360_000 {
            now += Duration::from_millis(10);
            devices.look(HOME, "Lavf/61", now, || {
                looked_up += 1;
                false
            });
        }
        assert!((740..=751).contains(&looked_up), "{looked_up}");
        // The friend is let in again as soon as one look is there.
        now += Duration::from_secs(5);
        assert!(devices.look(HOME, "Lavf/61", now, || true));
    }

    #[test]
    fn they_are_bounded() {
        let now = Instant::now();
        let mut devices = KnownDevices::new();
        for number in 0..=MAX_DEVICES {
            let right = now + Duration::from_millis(number as u64);
            devices.remember(HOME, &number.to_string(), right);
        }
        assert_eq!(devices.devices.len(), MAX_DEVICES);
        assert!(!devices.look(HOME, "0", now, || true), "the oldest went");
        assert!(devices.look(HOME, "1", now, || true));
    }
}

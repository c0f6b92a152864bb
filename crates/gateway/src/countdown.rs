//! How long another device's mapping lasts: tells a lease in its last second from one without end.
//! Pure.
//!
//! Routers count leases down in whole seconds and write 0 in the last one (miniupnpd, until it
//! sweeps), which is also how they write "permanent". Only what was read before tells the two
//! apart.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::entry::MappingEntry;
use porthole_types::{ExternalPort, InternalPort};

/// Leases remembered; routers have room for about as many mappings.
const MOST: usize = 256;

/// What is left of a lease that reads 0: less than the second that routers count in.
const LAST: Duration = Duration::from_secs(1);

/// A lease may read 0 this much earlier than the reading before let expect: whole seconds, and the
/// way to the router.
const EARLY: Duration = Duration::from_secs(2);

/// And this much later: its owner may have renewed it between two readings. What still reads 0
/// after that has become permanent, as mappings do when a router's daemon restarts without its
/// notes.
const LATE: Duration = Duration::from_mins(1);

/// The finite leases seen on one router. Start anew when the router changes.
#[derive(Clone, Debug, Default)]
pub struct Countdowns {
    seen: BTreeMap<ExternalPort, Seen>,
}

/// A lease, and whose.
#[derive(Clone, Debug)]
struct Seen {
    client: String,
    internal: Option<InternalPort>,
    end: Instant,
}

impl Seen {
    fn may_read_zero(&self, at: Instant) -> bool {
        self.end <= at + EARLY && at <= self.end + LATE
    }
}

impl Countdowns {
    /// How long this TCP mapping, read at `at`, lasts unless it is renewed; nothing where it has no
    /// end or the router does not say.
    pub fn remaining(&mut self, entry: &MappingEntry, at: Instant) -> Option<Duration> {
        let seconds = entry.lease_seconds?;
        if seconds > 0 {
            let remaining = Duration::from_secs(seconds.into());
            self.remember(entry, at, remaining);
            return Some(remaining);
        }
        self.seen
            .get(&entry.external)
            .filter(|seen| seen.client == entry.client && seen.internal == entry.internal)
            .filter(|seen| seen.may_read_zero(at))
            .map(|_| LAST)
    }

    fn remember(&mut self, entry: &MappingEntry, at: Instant, remaining: Duration) {
        // A lease too long for this machine's clock does not end.
        let Some(end) = at.checked_add(remaining) else {
            return;
        };
        self.seen.retain(|_, seen| at <= seen.end + LATE);
        if self.seen.len() < MOST || self.seen.contains_key(&entry.external) {
            let seen = Seen {
                client: entry.client.clone(),
                internal: entry.internal,
                end,
            };
            self.seen.insert(entry.external, seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Protocol;
    use super::*;

    fn entry(client: &str, lease: Option<u32>) -> MappingEntry {
        MappingEntry {
            external: ExternalPort::new(8080).unwrap(),
            protocol: Protocol::Tcp,
            client: client.to_owned(),
            internal: InternalPort::new(8080),
            lease_seconds: lease,
            enabled: true,
            description: String::new(),
            remote_host: String::new(),
        }
    }

    const ONE: &str = "192.168.77.11";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_that_was_finite_and_reads_0_ends_within_the_second() {
        let mut countdowns = Countdowns::default();
        let start = Instant::now();
        let seen = countdowns.remaining(&entry(ONE, Some(30)), start);
        assert_eq!(seen, Some(seconds(30)));
        for after in [28, 30, 31, 40] {
            let last = countdowns.remaining(&entry(ONE, Some(0)), start + seconds(after));
            assert_eq!(last, Some(LAST), "{after} s later");
        }
    }

    #[test]
    fn a_lease_that_reads_0_before_its_time_or_for_long_has_become_permanent() {
        let mut countdowns = Countdowns::default();
        let start = Instant::now();
        countdowns.remaining(&entry(ONE, Some(30)), start);
        for after in [10, 120] {
            let none = countdowns.remaining(&entry(ONE, Some(0)), start + seconds(after));
            assert_eq!(none, None, "{after} s later");
        }
    }

    #[test]
    fn a_mapping_never_seen_finite_has_no_end_nor_has_one_that_shows_no_lease() {
        let mut countdowns = Countdowns::default();
        let start = Instant::now();
        assert_eq!(countdowns.remaining(&entry(ONE, Some(0)), start), None);
        countdowns.remaining(&entry(ONE, Some(30)), start);
        let later = start + seconds(30);
        assert_eq!(countdowns.remaining(&entry(ONE, None), later), None);
        let other = entry("192.168.77.12", Some(0));
        assert_eq!(countdowns.remaining(&other, later), None);
    }

    #[test]
    fn it_remembers_no_more_than_a_table_holds_and_forgets_what_ended() {
        let mut countdowns = Countdowns::default();
        let start = Instant::now();
        let at_port = |port, lease| MappingEntry {
            external: ExternalPort::new(port).unwrap(),
            ..entry(ONE, Some(lease))
        };
        for port in 1..2_000 {
            countdowns.remaining(&at_port(port, 30), start);
        }
        assert_eq!(countdowns.seen.len(), MOST);
        countdowns.remaining(&at_port(3_000, 30), start + seconds(120));
        assert_eq!(countdowns.seen.len(), 1);
        // Nor does an absurd lease do harm.
        countdowns.remaining(&at_port(3_001, u32::MAX), start);
    }
}

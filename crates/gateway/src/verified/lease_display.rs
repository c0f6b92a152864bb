//! Whether a router shows what is left of a lease, or what it granted. Pure.
//!
//! Most count down; some show the lease as it was granted for as long as it lasts. Only where it
//! counts down does a reading after a renewal say whether the lease was extended.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use porthole_types::ExternalPort;

use crate::lease::Lease;

/// A lease that still shows all of itself after this time does not count down: routers count in
/// whole seconds.
const COUNTS: Duration = Duration::from_secs(2);

/// What a router shows of a lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LeaseDisplay {
    /// What is left of it, as far as is known.
    #[default]
    Left,
    /// What was granted.
    Granted,
}

/// What has been seen of the leases of our mappings on one router.
#[derive(Clone, Debug, Default)]
pub(super) struct LeaseDisplays {
    display: LeaseDisplay,
    /// When each was granted last, and shown whole: of two ports at most.
    granted: BTreeMap<ExternalPort, Instant>,
}

impl LeaseDisplays {
    /// The port is asked for. When it was granted and shown whole last; whether that stands, nobody
    /// knows from now on until it is granted again.
    pub(super) fn asked(&mut self, port: ExternalPort) -> Option<Instant> {
        self.granted.remove(&port)
    }

    /// What the router shows, now that a lease that was granted at `last`, and of which `old` was
    /// shown, is renewed at `sent_at` with one of `asked`.
    pub(super) fn display(
        &mut self,
        last: Option<Instant>,
        old: Option<Lease>,
        asked: Lease,
        sent_at: Instant,
    ) -> LeaseDisplay {
        let long_ago = last.is_some_and(|last| sent_at.saturating_duration_since(last) >= COUNTS);
        if old == Some(asked) && long_ago {
            self.display = LeaseDisplay::Granted;
        }
        self.display
    }

    /// A lease of `asked` was granted, and so much of it is shown. A longer one of before, which
    /// the request did not change, comes down to that length too, and says nothing.
    pub(super) fn granted(
        &mut self,
        port: ExternalPort,
        sent_at: Instant,
        asked: Lease,
        shown: Option<Lease>,
    ) {
        if shown != Some(asked) {
            return;
        }
        if self.granted.len() >= 8 {
            self.granted.clear(); // ports given back long ago
        }
        self.granted.insert(port, sent_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_is_whole_after_seconds_does_not_count_down() {
        let port = ExternalPort::new(8080).unwrap();
        let (asked, start) = (Lease::from_seconds(30), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut leases = LeaseDisplays::default();
        leases.granted(port, start, asked, Some(Lease::from_seconds(31)));
        assert_eq!(leases.asked(port), None, "a longer one of before");
        leases.granted(port, start, asked, Some(asked));
        let last = leases.asked(port);
        assert_eq!(last, Some(start));
        assert_eq!(leases.asked(port), None, "a request may have come late");
        let mut shown = |old, at| leases.display(last, Some(Lease::from_seconds(old)), asked, at);
        assert_eq!(shown(30, later(1)), LeaseDisplay::Left, "within the second");
        assert_eq!(shown(23, later(7)), LeaseDisplay::Left);
        assert_eq!(shown(30, later(7)), LeaseDisplay::Granted);
        assert_eq!(
            shown(30, later(8)),
            LeaseDisplay::Granted,
            "once and for all"
        );
    }
}

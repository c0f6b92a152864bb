//! Which lease to ask this router for: the one wanted, then 3,600 s, then a permanent one.
//!
//! Some routers refuse finite leases with 725 (`OnlyPermanentLeasesSupported`), some short ones
//! with 402; what was learned is remembered for as long as the router is. Pure.

use std::num::NonZeroU32;

use crate::lease::Lease;

/// What a router is known to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LeaseStep {
    /// Whatever is asked, as far as is known.
    #[default]
    Asked,
    /// One hour, where anything finite is asked.
    Hour,
    /// Permanent mappings only.
    Permanent,
}

/// One hour: what the routers that are picky about leases still take.
const HOUR: Lease = Lease::Seconds(NonZeroU32::new(3_600).expect("3,600 is not 0"));

/// What one router is known to take. Start a new one when the router changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseFallback {
    step: LeaseStep,
}

impl LeaseFallback {
    /// The lease to ask for first, when this one is wanted.
    #[must_use]
    pub fn first(&self, wanted: Lease) -> Lease {
        match (wanted, self.step) {
            (Lease::Permanent, _) | (_, LeaseStep::Permanent) => Lease::Permanent,
            (Lease::Seconds(_), LeaseStep::Hour) => HOUR,
            (Lease::Seconds(_), LeaseStep::Asked) => wanted,
        }
    }

    /// The lease to ask for after `tried` was refused with `code`, or nothing when the lease is not
    /// what the router minds, or the last step was tried.
    #[must_use]
    pub fn after(&self, tried: Lease, code: u16) -> Option<Lease> {
        match (code, tried) {
            (_, Lease::Permanent) => None,
            (725 | 402, HOUR) => Some(Lease::Permanent),
            (725 | 402, _) => Some(HOUR),
            _ => None,
        }
    }

    /// The router took `taken` when `wanted` was wanted: remember it. Only what was taken is
    /// remembered, so that a 402 meant for something else changes nothing.
    pub fn took(&mut self, wanted: Lease, taken: Lease) {
        if wanted != taken {
            self.step = match taken {
                Lease::Permanent => LeaseStep::Permanent,
                Lease::Seconds(_) => LeaseStep::Hour,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Lease = Lease::from_seconds(30);

    #[test]
    fn it_falls_back_from_the_asked_lease_over_an_hour_to_a_permanent_one() {
        let lease_fallback = LeaseFallback::default();
        assert_eq!(lease_fallback.first(SHORT), SHORT);
        assert_eq!(lease_fallback.after(SHORT, 725), Some(HOUR));
        assert_eq!(lease_fallback.after(HOUR, 402), Some(Lease::Permanent));
        assert_eq!(lease_fallback.after(Lease::Permanent, 725), None);
    }

    #[test]
    fn other_refusals_do_not_move_it() {
        for code in [0, 501, 606, 718, 728] {
            assert_eq!(LeaseFallback::default().after(SHORT, code), None, "{code}");
        }
    }

    #[test]
    fn what_the_router_took_is_asked_for_first_from_then_on() {
        let mut lease_fallback = LeaseFallback::default();
        lease_fallback.took(SHORT, SHORT);
        assert_eq!(lease_fallback.first(SHORT), SHORT);
        lease_fallback.took(SHORT, HOUR);
        assert_eq!(lease_fallback.first(SHORT), HOUR);
        lease_fallback.took(SHORT, Lease::Permanent);
        assert_eq!(lease_fallback.first(HOUR), Lease::Permanent);
        assert_eq!(lease_fallback.first(SHORT), Lease::Permanent);
    }

    #[test]
    fn a_permanent_lease_that_was_wanted_says_nothing_about_finite_ones() {
        let mut lease_fallback = LeaseFallback::default();
        lease_fallback.took(Lease::Permanent, Lease::Permanent);
        assert_eq!(lease_fallback.first(SHORT), SHORT);
    }
}

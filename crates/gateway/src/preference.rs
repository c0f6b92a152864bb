//! Which router to stay with where a LAN has several: the one that is the default gateway. Pure.
//!
//! Clients on the Internet come in through the default gateway, and all servers of a site must mean
//! the same router by "the router". So while it is away for a moment (a reboot) nobody moves to
//! another one, and whoever is at another one goes back when it answers again.

use std::net::Ipv4Addr;

use crate::identity::{Identity, Route};

/// Searches in a row in which the default gateway has to stay silent before another router will do:
/// about half a minute with the waits between them.
const SEARCHES: u32 = 4;

/// Polls of another router between two looks for the default gateway.
const POLLS: u32 = 6;

/// What has been seen of the default gateway lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    /// Searches in a row that found only another.
    missed: u32,
    /// Polls of another since the last look.
    polls: u32,
}

/// What to do with a router that a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouterChoice {
    /// Use the router that was found.
    Take,
    /// It is not the one that was used before: search again.
    WaitForDefault,
}

impl Preference {
    /// A router was heard of between two searches: whether it may be used at once. One that would
    /// take the default gateway's place may not, and is no reason to count either: it may say that
    /// it is there as often as it likes.
    #[must_use]
    pub fn heard(
        found: &Identity,
        known: Option<&Identity>,
        default_gateway: Option<Ipv4Addr>,
    ) -> RouterChoice {
        if leaves_default(found, known, default_gateway) {
            RouterChoice::WaitForDefault
        } else {
            RouterChoice::Take
        }
    }

    /// A search found this router; `known` is the one used before, and `default_gateway` where
    /// packets to the Internet go now.
    pub fn found(
        &mut self,
        found: &Identity,
        known: Option<&Identity>,
        default_gateway: Option<Ipv4Addr>,
    ) -> RouterChoice {
        if leaves_default(found, known, default_gateway) {
            self.missed += 1;
            if self.missed < SEARCHES {
                return RouterChoice::WaitForDefault;
            }
        }
        *self = Self::default();
        RouterChoice::Take
    }

    /// Another poll of `used` went well: whether it is time to look for the default gateway, and
    /// where.
    pub fn polled(
        &mut self,
        used: &Identity,
        default_gateway: Option<Ipv4Addr>,
    ) -> Option<Ipv4Addr> {
        if used.route == Route::Default {
            return None;
        }
        self.polls += 1;
        if self.polls < POLLS {
            return None;
        }
        self.polls = 0;
        default_gateway
    }
}

/// Whether using `found` means to leave the default gateway, which `known` is.
fn leaves_default(
    found: &Identity,
    known: Option<&Identity>,
    default_gateway: Option<Ipv4Addr>,
) -> bool {
    let was_default = known.is_some_and(|known| {
        known.route == Route::Default && default_gateway == Some(known.address)
    });
    was_default && found.route == Route::Other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::ServiceType;

    const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
    const BOX: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 2);

    fn at(address: Ipv4Addr) -> Identity {
        Identity {
            name: "a router".to_owned(),
            address,
            service: ServiceType::WanIp(1),
            route: if address == GATEWAY {
                Route::Default
            } else {
                Route::Other
            },
        }
    }

    fn found(
        preference: &mut Preference,
        address: Ipv4Addr,
        known: Option<Ipv4Addr>,
    ) -> RouterChoice {
        preference.found(&at(address), known.map(at).as_ref(), Some(GATEWAY))
    }

    #[test]
    fn the_first_router_ever_found_is_taken_whichever_it_is() {
        for address in [GATEWAY, BOX] {
            assert_eq!(
                found(&mut Preference::default(), address, None),
                RouterChoice::Take
            );
        }
    }

    #[test]
    fn another_router_is_taken_only_when_the_default_gateway_stays_silent() {
        let mut preference = Preference::default();
        for _ in 1..SEARCHES {
            let choice = found(&mut preference, BOX, Some(GATEWAY));
            assert_eq!(choice, RouterChoice::WaitForDefault);
        }
        assert_eq!(
            found(&mut preference, BOX, Some(GATEWAY)),
            RouterChoice::Take
        );
    }

    #[test]
    fn what_is_heard_between_searches_never_takes_the_default_gateways_place() {
        let heard = |address: Ipv4Addr, known: Option<Ipv4Addr>| {
            Preference::heard(&at(address), known.map(at).as_ref(), Some(GATEWAY))
        };
        assert_eq!(heard(BOX, Some(GATEWAY)), RouterChoice::WaitForDefault);
        assert_eq!(heard(GATEWAY, Some(GATEWAY)), RouterChoice::Take);
        assert_eq!(heard(BOX, None), RouterChoice::Take);
        assert_eq!(heard(BOX, Some(BOX)), RouterChoice::Take);
    }

    #[test]
    fn a_default_gateway_that_answers_again_has_all_its_credit_back() {
        let mut preference = Preference::default();
        found(&mut preference, BOX, Some(GATEWAY));
        assert_eq!(
            found(&mut preference, GATEWAY, Some(GATEWAY)),
            RouterChoice::Take
        );
        assert_eq!(preference, Preference::default());
    }

    #[test]
    fn a_router_that_is_the_default_gateway_no_more_is_not_waited_for() {
        let mut preference = Preference::default();
        let known = at(GATEWAY);
        assert_eq!(
            preference.found(&at(BOX), Some(&known), None),
            RouterChoice::Take
        );
    }

    #[test]
    fn at_another_router_the_default_gateway_is_looked_for_now_and_then() {
        let mut preference = Preference::default();
        let looks = (0..3 * POLLS).filter_map(|_| preference.polled(&at(BOX), Some(GATEWAY)));
        assert_eq!(looks.collect::<Vec<_>>(), [GATEWAY; 3]);
        for _ in 0..3 * POLLS {
            assert_eq!(preference.polled(&at(GATEWAY), Some(GATEWAY)), None);
            assert_eq!(preference.polled(&at(BOX), None), None);
        }
    }
}

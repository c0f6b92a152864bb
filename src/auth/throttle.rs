//! Guesses, slowed down.
//!
//! *By address:* after five wrong tries within a minute the next ones from there wait, a second at
//! first, then twice as long each time, up to a minute; right ones wait too, or guessing would go
//! on. It is forgotten when nothing wrong came from there for a quarter of an hour.
//!
//! *Overall:* many addresses together have one try a second, after sixty at once. That does not
//! keep the owner out: it holds neither for the LAN nor for an address from which somebody logged
//! in rightly within a day, and sessions and tokens are not tries at all (nobody guesses 256 bits).

use crate::lan::ClientNetwork;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use porthole_types::forget_oldest;

/// Wrong tries within [`WINDOW`] that cost nothing.
const FREE: u32 = 5;
const WINDOW: Duration = Duration::from_mins(1);

/// The longest wait.
const LONGEST: Duration = Duration::from_mins(1);

/// After so long without a wrong try an address is as good as new.
const FORGIVEN: Duration = Duration::from_mins(15);

/// Tries of one address that may be under way at a time; one, where there were too many wrong ones.
const AT_ONCE: u32 = 8;

/// When to come back for who has too many under way.
const SOON: Duration = Duration::from_secs(1);

/// All strangers together.
const STRANGERS_BURST: f64 = 60.0;
const STRANGERS_A_SECOND: f64 = 1.0;

/// How long an address stays familiar after a right try.
const FAMILIAR: Duration = Duration::from_hours(24);

/// Addresses that are remembered, of each kind.
const MOST: usize = 4096;

/// How a try went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The right credentials.
    Right,
    /// Wrong ones.
    Wrong,
    /// Nobody knows: it was not looked at.
    Unknown,
}

/// Whether a try was taken from what all strangers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It was.
    Strangers,
    /// It was not.
    Nobody,
}

/// What is remembered of tries.
pub struct Throttle {
    sources: BTreeMap<IpAddr, Source>,
    familiar: BTreeMap<IpAddr, Instant>,
    strangers: f64,
    filled: Instant,
}

#[derive(Clone, Copy)]
struct Source {
    wrong: u32,
    /// When the first of these came, and the last.
    first: Instant,
    last: Instant,
    /// Nothing is listened to before.
    until: Instant,
    under_way: u32,
}

impl Throttle {
    /// Nobody has tried yet.
    pub fn new(now: Instant) -> Self {
        Self {
            sources: BTreeMap::new(),
            familiar: BTreeMap::new(),
            strangers: STRANGERS_BURST,
            filled: now,
        }
    }

    /// How long nothing is listened to from this address; nothing where it need not wait.
    pub fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let left = self.sources.get(&from)?.until.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    /// A try begins; [`Throttle::end`] is to be told how it went.
    ///
    /// # Errors
    /// How long it has to wait instead.
    pub fn begin(
        &mut self,
        from: IpAddr,
        network: ClientNetwork,
        now: Instant,
    ) -> Result<Charge, Duration> {
        if let Some(wait) = self.wait(from, now) {
            return Err(wait);
        }
        let known = self
            .sources
            .get(&from)
            .filter(|source| !source.is_forgiven(now));
        let (wrong, under_way) = known.map_or((0, 0), |source| (source.wrong, source.under_way));
        let most = if wrong < FREE { AT_ONCE } else { 1 };
        if under_way >= most {
            return Err(SOON);
        }
        let charge = self.charge(from, network, now)?;
        self.source(from, now).under_way += 1;
        Ok(charge)
    }

    /// A try has ended.
    pub fn end(&mut self, from: IpAddr, charge: Charge, outcome: Outcome, now: Instant) {
        let source = self.source(from, now);
        source.under_way = source.under_way.saturating_sub(1);
        if outcome == Outcome::Wrong {
            source.fail(now);
        } else if charge == Charge::Strangers {
            self.strangers = (self.strangers + 1.0).min(STRANGERS_BURST);
        }
        if outcome == Outcome::Right {
            self.familiar.insert(from, now);
            forget_oldest(&mut self.familiar, MOST, |at| *at);
        }
    }

    fn charge(
        &mut self,
        from: IpAddr,
        network: ClientNetwork,
        now: Instant,
    ) -> Result<Charge, Duration> {
        let seen = self.familiar.get(&from);
        let familiar = seen.is_some_and(|at| now.saturating_duration_since(*at) < FAMILIAR);
        if familiar || network == ClientNetwork::Lan {
            return Ok(Charge::Nobody);
        }
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = self.filled.max(now);
        self.strangers = (self.strangers + passed * STRANGERS_A_SECOND).min(STRANGERS_BURST);
        if self.strangers < 1.0 {
            let missing = (1.0 - self.strangers) / STRANGERS_A_SECOND;
            return Err(Duration::from_secs_f64(missing));
        }
        self.strangers -= 1.0;
        Ok(Charge::Strangers)
    }

    /// The address's place, a new one where it has none or has been forgiven.
    fn source(&mut self, from: IpAddr, now: Instant) -> &mut Source {
        if !self.sources.contains_key(&from) {
            // Room first: the new one is not to be the one that goes.
            forget_oldest(&mut self.sources, MOST - 1, |source| source.last);
        }
        let source = self.sources.entry(from).or_insert(Source {
            wrong: 0,
            first: now,
            last: now,
            until: now,
            under_way: 0,
        });
        if source.is_forgiven(now) {
            source.wrong = 0;
        }
        source
    }
}

impl Source {
    fn is_forgiven(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) > FORGIVEN
    }

    fn fail(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.first);
        if self.wrong == 0 || (self.wrong < FREE && passed > WINDOW) {
            self.first = now;
            self.wrong = 0;
        }
        self.wrong = self.wrong.saturating_add(1);
        self.last = now;
        if let Some(doublings) = self.wrong.checked_sub(FREE) {
            let seconds = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
            self.until = now + Duration::from_secs(seconds).min(LONGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const OUTSIDE: ClientNetwork = ClientNetwork::Outside;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x3c78_0000 + number).into()
    }

    /// One try from beginning to end.
    fn a_try(
        throttle: &mut Throttle,
        from: IpAddr,
        network: ClientNetwork,
        outcome: Outcome,
        now: Instant,
    ) -> Result<(), Duration> {
        let charge = throttle.begin(from, network, now)?;
        throttle.end(from, charge, outcome, now);
        Ok(())
    }

    #[test]
    fn after_five_wrong_tries_each_next_one_waits_twice_as_long_up_to_a_minute() {
        let mut now = Instant::now();
        let mut throttle = Throttle::new(now);
        let guesser = address(1);
        for _ in 0..FREE {
            assert_eq!(
                a_try(&mut throttle, guesser, OUTSIDE, Outcome::Wrong, now),
                Ok(())
            );
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = Duration::from_secs(seconds);
            let early = now + wait.saturating_sub(Duration::from_millis(1));
            let refused = a_try(&mut throttle, guesser, OUTSIDE, Outcome::Right, early);
            assert_eq!(
                refused,
                Err(Duration::from_millis(1)),
                "right ones wait too"
            );
            now += wait;
            assert_eq!(
                a_try(&mut throttle, guesser, OUTSIDE, Outcome::Wrong, now),
                Ok(())
            );
        }
        now += FORGIVEN + LONGEST;
        for _ in 0..FREE {
            assert_eq!(
                a_try(&mut throttle, guesser, OUTSIDE, Outcome::Wrong, now),
                Ok(())
            );
        }
        assert_eq!(throttle.wait(guesser, now), Some(Duration::from_secs(1)));
    }

    #[test]
    fn tries_at_the_same_time_do_not_get_around_it() {
        let now = Instant::now();
        let mut throttle = Throttle::new(now);
        let begun = (0..100)
            .filter_map(|_| throttle.begin(address(1), OUTSIDE, now).ok())
            .collect::<Vec<_>>();
        assert_eq!(begun.len(), AT_ONCE as usize);
        for charge in begun {
            throttle.end(address(1), charge, Outcome::Wrong, now);
        }
        let later = now + Duration::from_secs(8);
        assert!(throttle.begin(address(1), OUTSIDE, later).is_ok());
        assert_eq!(throttle.begin(address(1), OUTSIDE, later), Err(SOON));
    }

    #[test]
    fn many_addresses_together_do_not_lock_the_owner_out() {
        let mut now = Instant::now();
        let mut throttle = Throttle::new(now);
        let (owner, at_home) = (address(1), address(2));
        let right = |throttle: &mut Throttle, from, network, now| {
            a_try(throttle, from, network, Outcome::Right, now)
        };
        assert_eq!(right(&mut throttle, owner, OUTSIDE, now), Ok(()));
        let mut guesses = 0;
        for number in 0..6000 {
            now += Duration::from_millis(10);
            let guess = a_try(
                &mut throttle,
                address(10 + number),
                OUTSIDE,
                Outcome::Wrong,
                now,
            );
            guesses += u32::from(guess.is_ok());
            assert_eq!(right(&mut throttle, owner, OUTSIDE, now), Ok(()));
            assert_eq!(
                right(&mut throttle, at_home, ClientNetwork::Lan, now),
                Ok(())
            );
        }
        // A minute: sixty at once, and one a second.
        assert!((110..=121).contains(&guesses), "{guesses}");
        assert!(throttle.sources.len() <= MOST && throttle.familiar.len() <= MOST);
    }

    proptest! {
        #[test]
        fn a_guesser_has_few_tries_however_it_spreads_them(gaps in prop::collection::vec(0..30_000_u64, 1..400)) {
            let start = Instant::now();
            let mut now = start;
            let mut throttle = Throttle::new(now);
            let mut heard = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                if a_try(&mut throttle, address(1), ClientNetwork::Lan, Outcome::Wrong, now).is_ok() {
                    heard.push(now);
                }
                prop_assert!(throttle.wait(address(1), now).unwrap_or_default() <= LONGEST);
                prop_assert_eq!(throttle.wait(address(2), now), None);
            }
            // Within any ten minutes: those of a minute, the doublings, one a minute; or four a minute for ever.
            for (network, from) in heard.iter().enumerate() {
                let span = heard[network..].iter().take_while(|at| **at - *from <= Duration::from_mins(10)).count();
                prop_assert!(span <= 50, "{} tries", span);
            }
        }

        #[test]
        fn nothing_that_is_right_is_ever_held_against_an_address(gaps in prop::collection::vec(0..5_000_u64, 1..300)) {
            let mut now = Instant::now();
            let mut throttle = Throttle::new(now);
            for gap in gaps {
                now += Duration::from_millis(gap);
                prop_assert_eq!(a_try(&mut throttle, address(1), OUTSIDE, Outcome::Right, now), Ok(()));
            }
        }
    }
}

//! [`Throttle`] decides whether somebody may try to log in now: guesses are slowed down.
//!
//! *By address*, exponential back-off: after five wrong attempts within a minute the next ones from
//! there wait, a second at first, then twice as long each time, up to a minute; right ones wait
//! too, or guessing would go on. It is forgotten when nothing wrong came from there for a quarter
//! of an hour.
//!
//! *Overall*, a budget: all strangers together have sixty wrong attempts at once, then one a
//! second. That does not keep the owner out: it holds neither for the LAN nor for an address from
//! which somebody logged in rightly within a day, and sessions and tokens are not attempts at all
//! (nobody guesses 256 bits).
//!
//! Why the budget is not a rate limiter such as `governor`: only *wrong* attempts are to spend it,
//! and whether an attempt is wrong is known after the password was hashed, up to half a second
//! later. Taken then, any number of attempts could begin before the first of them is paid for; so
//! each takes its share when it begins, and gets it back unless it was wrong. Rate limiters of the
//! cell-rate kind (GCRA) keep one time stamp and give nothing back. Without the refund, sixty
//! people who log in rightly at the same time, or players that were not checked because the camera
//! was busy, would lock out the next stranger.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use porthole_types::forget_oldest;

use crate::lan::ClientNetwork;

/// Wrong attempts within [`WINDOW`] that cost nothing.
const FREE_FAILURES: u32 = 5;
const WINDOW: Duration = Duration::from_mins(1);

/// The longest wait.
const MAX_BACKOFF: Duration = Duration::from_mins(1);

/// After so long without a wrong attempt an address is as good as new.
const FORGIVEN_AFTER: Duration = Duration::from_mins(15);

/// Attempts of one address that may be under way at a time; one, where there were too many wrong
/// ones.
const MAX_CONCURRENT: u32 = 8;

/// When to come back for an address that has too many under way.
const RETRY_CONCURRENT: Duration = Duration::from_secs(1);

/// The budget of all strangers together, in attempts, and how fast it is refilled.
const BUDGET: f64 = 60.0;
const BUDGET_PER_SECOND: f64 = 1.0;

/// How long an address stays familiar after a right attempt.
const FAMILIAR_FOR: Duration = Duration::from_hours(24);

/// Addresses that are remembered, of each kind.
const MAX_ADDRESSES: usize = 4096;

/// What came out of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The credentials were right.
    Right,
    /// They were wrong.
    Wrong,
    /// They were not looked at: it was given up, or could not be checked.
    Unchecked,
}

/// Whether an attempt spends the budget of all strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptClass {
    /// It does: it took one from the budget, which is given back unless it turns out wrong.
    Stranger,
    /// It does not: it came from the LAN, or from a familiar address.
    Exempt,
}

/// What is remembered of attempts. Pure: the time is an argument.
pub struct Throttle {
    sources: BTreeMap<IpAddr, AddressRecord>,
    /// Addresses that somebody logged in from, and when last.
    familiar: BTreeMap<IpAddr, Instant>,
    /// What is left of [`BUDGET`], as of `refilled`.
    budget: f64,
    refilled: Instant,
}

/// What is held against one address.
#[derive(Clone, Copy)]
struct AddressRecord {
    failures: u32,
    /// When the first of these came, and the last.
    first: Instant,
    last: Instant,
    /// Nothing is listened to before.
    blocked_until: Instant,
    under_way: u32,
}

impl Throttle {
    /// Nobody has tried yet.
    pub fn new(now: Instant) -> Self {
        Self {
            sources: BTreeMap::new(),
            familiar: BTreeMap::new(),
            budget: BUDGET,
            refilled: now,
        }
    }

    /// How long nothing is listened to from this address; none where it need not wait.
    pub fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let until = self.sources.get(&from)?.blocked_until;
        let left = until.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    /// Whether attempts from there spend nothing of the budget of all strangers.
    pub fn is_exempt(&self, from: IpAddr, network: ClientNetwork, now: Instant) -> bool {
        let seen = self.familiar.get(&from);
        let familiar = seen.is_some_and(|at| now.saturating_duration_since(*at) < FAMILIAR_FOR);
        familiar || network == ClientNetwork::Lan
    }

    /// An attempt begins; [`Throttle::end`] is to be told what came out.
    ///
    /// # Errors
    /// How long it has to wait instead.
    pub fn begin(
        &mut self,
        from: IpAddr,
        network: ClientNetwork,
        now: Instant,
    ) -> Result<AttemptClass, Duration> {
        if let Some(wait) = self.wait(from, now) {
            return Err(wait);
        }
        let known = self
            .sources
            .get(&from)
            .filter(|record| !record.is_forgiven(now));
        let (failures, under_way) =
            known.map_or((0, 0), |record| (record.failures, record.under_way));
        let most = if failures < FREE_FAILURES {
            MAX_CONCURRENT
        } else {
            1
        };
        if under_way >= most {
            return Err(RETRY_CONCURRENT);
        }
        let class = self.spend(from, network, now)?;
        self.record(from, now).under_way += 1;
        Ok(class)
    }

    /// An attempt has ended.
    pub fn end(
        &mut self,
        from: IpAddr,
        class: AttemptClass,
        outcome: AttemptOutcome,
        now: Instant,
    ) {
        let record = self.record(from, now);
        record.under_way = record.under_way.saturating_sub(1);
        if outcome == AttemptOutcome::Wrong {
            record.fail(now);
        } else if class == AttemptClass::Stranger {
            self.budget = (self.budget + 1.0).min(BUDGET);
        }
        if outcome == AttemptOutcome::Right {
            self.familiar.insert(from, now);
            forget_oldest(&mut self.familiar, MAX_ADDRESSES, |at| *at);
        }
    }

    /// Takes one from the budget, where this attempt spends it.
    fn spend(
        &mut self,
        from: IpAddr,
        network: ClientNetwork,
        now: Instant,
    ) -> Result<AttemptClass, Duration> {
        if self.is_exempt(from, network, now) {
            return Ok(AttemptClass::Exempt);
        }
        let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = self.refilled.max(now);
        self.budget = (self.budget + passed * BUDGET_PER_SECOND).min(BUDGET);
        if self.budget < 1.0 {
            let missing = (1.0 - self.budget) / BUDGET_PER_SECOND;
            return Err(Duration::from_secs_f64(missing));
        }
        self.budget -= 1.0;
        Ok(AttemptClass::Stranger)
    }

    /// The record of an address: a new one where it has none, without failures where it has been
    /// forgiven.
    fn record(&mut self, from: IpAddr, now: Instant) -> &mut AddressRecord {
        if !self.sources.contains_key(&from) {
            // Room first: the new one is not to be the one that goes.
            forget_oldest(&mut self.sources, MAX_ADDRESSES - 1, |record| record.last);
        }
        let record = self.sources.entry(from).or_insert(AddressRecord {
            failures: 0,
            first: now,
            last: now,
            blocked_until: now,
            under_way: 0,
        });
        if record.is_forgiven(now) {
            record.failures = 0;
        }
        record
    }
}

impl AddressRecord {
    fn is_forgiven(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) > FORGIVEN_AFTER
    }

    fn fail(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.first);
        if self.failures == 0 || (self.failures < FREE_FAILURES && passed > WINDOW) {
            self.first = now;
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.last = now;
        if let Some(doublings) = self.failures.checked_sub(FREE_FAILURES) {
            let seconds = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
            self.blocked_until = now + Duration::from_secs(seconds).min(MAX_BACKOFF);
        }
    }
}

#[cfg(test)]
mod tests;

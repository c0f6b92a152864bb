//! [`Budget`]: how often a router may be asked, whatever happens. Pure: the time is passed in.
//!
//! A token bucket that may go into debt. Small routers answer one request at a time, and some that
//! are asked too often stop answering at all; a router that refuses, forgets or does not renew
//! must not make this server ask ever faster.

use std::time::{Duration, Instant};

use crate::action::Action;

/// Tokens that are there after a time without requests.
pub const HOLDS: u32 = 30;

/// How far it may go into debt.
pub const MAX_DEBT: u32 = 30;

/// Tokens that have to be there before a poll begins.
pub const POLL_NEEDS: u32 = 8;

/// A poll begins all the same when the one before began so long ago.
pub const LONGEST_WITHOUT_POLL: Duration = Duration::from_mins(1);

/// The debt at which reading a table entry by entry ends.
pub const TABLE_DEBT: u32 = 20;

/// The time in which one token comes, where nothing asks for more.
const SPACING: Duration = Duration::from_secs(1);

/// A renewal is three requests (read, write, read back), four times a lease. Where leases are not
/// extended, the fourth time the mapping is made anew, by four requests; and before the lease ends,
/// so there are more leases than fit into the time. Less would lose the port after some minutes.
const REQUESTS_PER_LEASE: u32 = 18;

/// A poll is three requests where the table comes in one, and one to spare.
const REQUESTS_PER_POLL: u32 = 4;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// One mapping: reading, making, deleting it.
    Urgent,
    /// What a poll asks: address, status, table.
    Poll,
}

impl RequestKind {
    /// Every kind, so that counters can be made before the first request.
    pub const ALL: [Self; 2] = [Self::Urgent, Self::Poll];

    /// The label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Poll => "poll",
        }
    }

    /// What this action is asked for.
    #[must_use]
    pub const fn of(action: Action) -> Self {
        match action {
            Action::AddPortMapping
            | Action::DeletePortMapping
            | Action::GetSpecificPortMappingEntry => Self::Urgent,
            Action::Describe
            | Action::GetExternalIpAddress
            | Action::GetGenericPortMappingEntry
            | Action::GetListOfPortMappings
            | Action::GetStatusInfo => Self::Poll,
        }
    }
}

/// The time in which one token comes: a second; less with a representative lease under 18 s or
/// polls more often than every 4 s, which only laboratories have, so that they can do what they
/// are set to.
#[must_use]
pub fn spacing(representative_lease: Duration, poll_interval: Duration) -> Duration {
    SPACING
        .min(representative_lease / REQUESTS_PER_LEASE)
        .min(poll_interval / REQUESTS_PER_POLL)
}

/// The tokens of one router. In any time t at most `HOLDS + MAX_DEBT + t / spacing` requests go
/// out.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The time in which one token comes.
    spacing: Duration,
    /// When all tokens would be there again. One number says how many there are, without rounding.
    full_at: Instant,
    polled_at: Option<Instant>,
}

impl Budget {
    /// All tokens are there; another comes in every `spacing`.
    #[must_use]
    pub fn new(spacing: Duration, now: Instant) -> Self {
        Self {
            spacing,
            full_at: now,
            polled_at: None,
        }
    }

    /// Takes a token for one request.
    ///
    /// # Errors
    /// When the debt is too high, with the time when to ask again. Nothing was taken.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let spent = self.spent(now);
        match self.excess(spent + self.spacing, HOLDS + MAX_DEBT) {
            None => {
                self.full_at = now + spent + self.spacing;
                Ok(())
            }
            Some(excess) => Err(now + excess),
        }
    }

    /// Begins a poll; each of its requests takes its own token.
    ///
    /// # Errors
    /// When too little is left for one, with the time when to ask again.
    pub fn begin_poll(&mut self, now: Instant) -> Result<(), Instant> {
        let excess = self.excess(self.spent(now), HOLDS - POLL_NEEDS);
        let overdue = self.polled_at.map(|at| at + LONGEST_WITHOUT_POLL);
        match (excess, overdue) {
            (Some(excess), Some(overdue)) if overdue > now => Err(overdue.min(now + excess)),
            _ => {
                self.polled_at = Some(now);
                Ok(())
            }
        }
    }

    /// Whether a table that is read entry by entry has cost enough.
    #[must_use]
    pub fn ends_table(&self, now: Instant) -> bool {
        self.spent(now) >= self.spacing * (HOLDS + TABLE_DEBT)
    }

    /// The time in which what was taken comes back.
    fn spent(&self, now: Instant) -> Duration {
        self.full_at.saturating_duration_since(now)
    }

    /// How much more this is than so many tokens.
    fn excess(&self, spent: Duration, tokens: u32) -> Option<Duration> {
        let excess = spent.saturating_sub(self.spacing * tokens);
        (!excess.is_zero()).then_some(excess)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn full() -> (Budget, Instant) {
        let now = Instant::now();
        (Budget::new(SECOND, now), now)
    }

    fn spend(budget: &mut Budget, requests: u32, now: Instant) {
        for _ in 0..requests {
            budget.take(now).unwrap();
        }
    }

    #[test]
    fn sixty_go_out_at_once_and_then_one_a_second() {
        let (mut budget, now) = full();
        spend(&mut budget, 60, now);
        assert_eq!(budget.take(now), Err(now + SECOND));
        assert_eq!(
            budget.take(now + SECOND / 4),
            Err(now + SECOND),
            "asking costs nothing"
        );
        assert_eq!(budget.take(now + SECOND), Ok(()));
        assert_eq!(budget.take(now + SECOND), Err(now + 2 * SECOND));
    }

    #[test]
    fn no_more_than_thirty_are_saved_up() {
        let (mut budget, now) = full();
        let later = now + 86_400 * SECOND;
        spend(&mut budget, 60, later);
        assert_eq!(budget.take(later), Err(later + SECOND));
    }

    #[test]
    fn a_poll_leaves_some_for_what_is_urgent_but_is_not_put_off_for_ever() {
        let (mut budget, now) = full();
        spend(&mut budget, 22, now);
        assert_eq!(budget.begin_poll(now), Ok(()), "8 are left");
        spend(&mut budget, 1, now);
        assert_eq!(budget.begin_poll(now), Err(now + SECOND));
        spend(&mut budget, 37, now);
        assert_eq!(budget.begin_poll(now), Err(now + 38 * SECOND));
        let mut at = now;
        for _ in 0..59 {
            at += SECOND;
            budget.take(at).unwrap();
        }
        assert_eq!(budget.begin_poll(at), Err(now + 60 * SECOND));
        assert_eq!(budget.begin_poll(now + 60 * SECOND), Ok(()));
        assert_eq!(
            budget.begin_poll(now + 60 * SECOND),
            Err(now + 97 * SECOND),
            "29 are owed, 8 have to be there"
        );
    }

    #[test]
    fn the_first_poll_begins_at_once() {
        let (mut budget, now) = full();
        spend(&mut budget, 60, now);
        assert_eq!(budget.begin_poll(now), Ok(()));
    }

    #[test]
    fn a_table_is_read_until_twenty_are_owed() {
        let (mut budget, now) = full();
        spend(&mut budget, 49, now);
        assert!(!budget.ends_table(now));
        spend(&mut budget, 1, now);
        assert!(budget.ends_table(now));
        assert!(!budget.ends_table(now + SECOND));
    }

    #[test]
    fn ordinary_settings_have_a_token_a_second_and_those_of_laboratories_what_they_need() {
        let spacing =
            |lease, poll| spacing(Duration::from_millis(lease), Duration::from_millis(poll));
        assert_eq!(spacing(30_000, 10_000), SECOND);
        assert_eq!(spacing(18_000, 4_000), SECOND);
        assert_eq!(spacing(604_800_000, 3_600_000), SECOND);
        assert_eq!(spacing(9_000, 10_000), SECOND / 2);
        assert_eq!(spacing(9_000, 1_000), SECOND / 4);
        assert_eq!(spacing(30_000, 100), SECOND / 40);
    }

    #[test]
    fn every_action_of_the_election_is_urgent_and_of_a_poll_none() {
        let urgent = Action::ALL
            .into_iter()
            .filter(|action| RequestKind::of(*action) == RequestKind::Urgent);
        let names: Vec<_> = urgent.map(Action::as_str).collect();
        let expected = [
            "AddPortMapping",
            "DeletePortMapping",
            "GetSpecificPortMappingEntry",
        ];
        assert_eq!(names, expected);
    }

    proptest! {
        #[test]
        fn in_no_window_more_go_out_than_the_burst_and_the_rate(
            spacing in 1_u64..2_000,
            pauses in prop::collection::vec(0_u64..3_000, 1..40),
            eagerness in prop::collection::vec(0_usize..100, 40),
        ) {
            let spacing = Duration::from_millis(spacing);
            let mut now = Instant::now();
            let mut budget = Budget::new(spacing, now);
            let mut sent = Vec::new();
            for (pause, eager) in pauses.into_iter().zip(eagerness) {
                now += Duration::from_millis(pause);
                let _ = budget.begin_poll(now);
                for _ in 0..eager {
                    match budget.take(now) {
                        Ok(()) => sent.push(now),
                        // Who does as told is never told to wait twice.
                        Err(then) => {
                            prop_assert!(then > now);
                            prop_assert_eq!(budget.clone().take(then), Ok(()));
                        }
                    }
                }
            }
            for (first, begin) in sent.iter().enumerate() {
                for (last, end) in sent.iter().enumerate().skip(first) {
                    let most = u128::from(HOLDS + MAX_DEBT)
                        + (*end - *begin).as_nanos() / spacing.as_nanos();
                    let count = (last - first + 1) as u128;
                    prop_assert!(count <= most, "{count} of {most}");
                }
            }
        }
    }
}

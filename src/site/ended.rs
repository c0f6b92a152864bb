//! [`Ended`]: a bounded list of sessions and tokens that were ended early, which forgets none of
//! them in effect.
//!
//! What does not fit any more is not dropped but made good for all: a new *era* begins, with an
//! empty list, and nothing that was signed in an earlier era counts. What has expired by itself is
//! forgotten only together with the latest end that was forgotten (the *floor*): nothing that ends
//! before it counts, so a clock that was ahead for a while, and is set right, revives nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SessionId;

/// Length of a list. One more begins a new era.
pub const MAX_ENDED: usize = 512;

/// Entries in one fragment: a dozen fit a datagram beside its frame.
const ENTRIES_PER_FRAGMENT: usize = 8;

/// How long an entry is kept beyond its end, for clocks that differ.
const SLACK_SECONDS: u64 = 24 * 3600;

/// What was ended early. Two copies are merged in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ended {
    /// What was signed in an earlier one does not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub era: u64,
    /// What ends by itself at this time or before does not count, in seconds since 1970.
    #[serde(skip_serializing_if = "is_zero")]
    pub floor: u64,
    /// The sessions and tokens, and when the last copy of each ends by itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub list: BTreeMap<SessionId, u64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Ended {
    /// One session or token, in no particular era: merged into a list it is in that one's.
    #[must_use]
    pub fn one(&self, id: SessionId, expires: u64) -> Self {
        Self {
            era: self.era,
            floor: 0,
            list: [(id, expires)].into(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a session or token with this id, signed in this era and ending at the latest then,
    /// was ended.
    pub fn contains(&self, id: SessionId, era: u64, latest_expiry: u64) -> bool {
        era < self.era || latest_expiry <= self.floor || self.list.contains_key(&id)
    }

    /// Merges another copy into this one. The list of a later era replaces that of an earlier one;
    /// of the same era both are joined, and what does not fit begins a new one.
    pub fn merge(&mut self, other: &Self) {
        if other.era < self.era {
            return;
        }
        if other.era > self.era {
            self.clone_from(other);
        } else {
            self.floor = self.floor.max(other.floor);
            for (id, expires) in &other.list {
                let known = self.list.entry(*id).or_default();
                *known = (*known).max(*expires);
            }
        }
        self.list.retain(|_, expires| *expires > self.floor);
        if self.list.len() > MAX_ENDED {
            *self = self.next_era();
        }
    }

    /// What ends everything that was signed so far.
    #[must_use]
    pub fn next_era(&self) -> Self {
        Self {
            era: self.era.saturating_add(1),
            ..Self::default()
        }
    }

    /// What `known` lacks.
    #[must_use]
    pub fn delta(&self, known: &Self) -> Self {
        if self.era > known.era {
            return self.clone();
        }
        if self.era < known.era {
            return Self::default();
        }
        let newer = |(id, expires): &(&SessionId, &u64)| {
            known.list.get(id) < Some(expires) && **expires > known.floor
        };
        let delta = Self {
            era: self.era,
            floor: self.floor,
            list: (self.list.iter().filter(newer))
                .map(|(id, expires)| (*id, *expires))
                .collect(),
        };
        if delta.list.is_empty() && self.floor <= known.floor {
            return Self::default();
        }
        delta
    }

    /// Forgets what has expired by itself; `now` in seconds since 1970. It does not count again if
    /// the clock turns out to be wrong.
    pub fn forget_expired(&mut self, now: u64) {
        let expired = |expires: &u64| expires.saturating_add(SLACK_SECONDS) <= now;
        let latest = self.list.values().copied().filter(expired).max();
        self.floor = self.floor.max(latest.unwrap_or_default());
        self.list.retain(|_, expires| *expires > self.floor);
    }

    /// The same in fragments that fit a datagram each.
    pub fn fragments(&self) -> Vec<Self> {
        if self.is_empty() {
            return Vec::new();
        }
        let empty = Self {
            list: BTreeMap::new(),
            ..self.clone()
        };
        let entries: Vec<_> = (self.list.iter())
            .map(|(id, expires)| (*id, *expires))
            .collect();
        let mut fragments: Vec<_> = entries
            .chunks(ENTRIES_PER_FRAGMENT)
            .map(|chunk| Self {
                list: chunk.iter().copied().collect(),
                ..empty.clone()
            })
            .collect();
        if fragments.is_empty() {
            fragments.push(empty);
        }
        fragments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    #[test]
    fn what_does_not_fit_any_more_ends_all_of_before_and_nothing_of_later() {
        let mut ended = Ended::default();
        for id in 0..600_u128 {
            let one = ended.one(SessionId(id), 5000);
            ended.merge(&one);
            assert!(ended.list.len() <= MAX_ENDED);
            assert!((0..=id).all(|id| ended.contains(SessionId(id), 0, 5000)));
        }
        assert_eq!(ended.era, 1);
        assert!(ended.contains(SessionId(9999), 0, 5000), "of before");
        assert!(!ended.contains(SessionId(9999), 1, 5000), "of now");
        // A copy from before brings nothing back, and learns.
        let mut old = Ended::default();
        old.merge(&ended);
        assert_eq!(old, ended);
        ended.merge(&Ended::default().one(SessionId(1), 9));
        assert_eq!(old, ended);
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_while_revives_nothing() {
        let mut ended = Ended::default();
        ended.merge(&ended.one(SessionId(1), 10 * DAY));
        ended.merge(&ended.one(SessionId(2), 400 * DAY));
        ended.forget_expired(365 * DAY);
        assert_eq!(ended.list.len(), 1);
        assert!(ended.contains(SessionId(1), 0, 10 * DAY));
        assert!(ended.contains(SessionId(2), 0, 400 * DAY));
        assert!(!ended.contains(SessionId(3), 0, 11 * DAY));
        // Nor does another camera's copy, whose clock was right.
        ended.merge(&Ended::default().one(SessionId(1), 10 * DAY));
        assert_eq!(ended.list.len(), 1);
    }
}

//! [`AuthState`]: the passwords and the revocation list, and how two copies are merged.
//!
//! It is a state-based CRDT: [`AuthState::merge`] is commutative, associative and idempotent, so
//! cameras that have heard the same changes, in whatever order and however often, have equal
//! copies. The passwords are a last-writer-wins register, the revocation list a map that keeps the
//! later end. What goes over the LAN is a delta ([`AuthState::delta`]) or the whole, in
//! [fragments](AuthState::fragments); two copies are compared by [digest](AuthState::digest).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Generation, SessionId};

/// Length of the revocation list. Beyond it those entries go that would have expired soonest.
pub const MAX_REVOCATIONS: usize = 512;

/// Revocations in one fragment: a dozen fit a datagram beside its frame.
const REVOCATIONS_PER_FRAGMENT: usize = 8;

/// The passwords that were set over HTTP. They go before those of the settings.
///
/// The derived order compares the generation first: it is the order of the last-writer-wins register.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// One more than that of the passwords which these replaced; 0 in what was written before there
    /// were generations. The highest wins, whatever the clocks say.
    #[serde(default)]
    pub generation: u64,
    /// When they were set, in milliseconds since 1970: for people, and to choose between two of the
    /// same generation.
    pub changed_at: u64,
    /// The hash (PHC string) of the viewer's; none: nobody can log in as viewer.
    pub viewer: Option<String>,
    /// The hash (PHC string) of the admin's; none: the passwords of the settings count again.
    pub admin: Option<String>,
}

/// What all cameras of a site agree on about logins: a set that any two cameras can merge.
///
/// The same JSON is in the state file, in messages on the LAN, and under the digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthState {
    /// The newest passwords set over HTTP; none: those of the settings count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passwords: Option<Passwords>,
    /// The revocation list: sessions and tokens that were ended early, and when they would have
    /// expired, in seconds since 1970.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub revocations: BTreeMap<SessionId, u64>,
}

impl AuthState {
    /// The passwords that were set over HTTP, where these count and not those of the settings.
    pub fn set_passwords(&self) -> Option<&Passwords> {
        self.passwords.as_ref().filter(|set| set.admin.is_some())
    }

    /// Which passwords are in force.
    pub fn generation(&self) -> Generation {
        self.passwords
            .as_ref()
            .map_or_else(Generation::default, Generation::of)
    }

    /// The generation of the passwords that are set next.
    pub fn next_generation(&self) -> u64 {
        self.generation().number.saturating_add(1)
    }

    /// What makes the passwords of the settings count again, merged on any camera: a generation of
    /// its own, so that no copy of the passwords of before, however it comes back, counts again.
    /// `now` in milliseconds since 1970.
    #[must_use]
    pub fn reset(&self, now: u64) -> Self {
        Self {
            passwords: Some(Passwords {
                generation: self.next_generation(),
                changed_at: now,
                viewer: None,
                admin: None,
            }),
            ..Self::default()
        }
    }

    /// Merges another copy into this one. Of two sets of passwords that of the higher generation
    /// wins, and of two of the same one the one that sorts last, so that all cameras choose the
    /// same.
    pub fn merge(&mut self, other: &Self) {
        let key = |passwords: &Option<Passwords>| passwords.clone();
        if key(&other.passwords) > key(&self.passwords) {
            self.passwords.clone_from(&other.passwords);
        }
        for (session, expires) in &other.revocations {
            let known = self.revocations.entry(*session).or_default();
            *known = (*known).max(*expires);
        }
        while self.revocations.len() > MAX_REVOCATIONS {
            let by_expiry = |(id, expires): &(&SessionId, &u64)| (**expires, **id);
            let soonest = self.revocations.iter().min_by_key(by_expiry);
            let Some(id) = soonest.map(|(id, _)| *id) else {
                break;
            };
            self.revocations.remove(&id);
        }
    }

    /// What `known` lacks: merged into it, it makes the two equal to a merge of the whole.
    #[must_use]
    pub fn delta(&self, known: &Self) -> Self {
        let newer = |(id, expires): &(&SessionId, &u64)| known.revocations.get(id) < Some(expires);
        Self {
            passwords: (self.passwords > known.passwords)
                .then(|| self.passwords.clone())
                .flatten(),
            revocations: (self.revocations.iter().filter(newer))
                .map(|(id, expires)| (*id, *expires))
                .collect(),
        }
    }

    /// Removes revocations of what has expired by itself; `now` in seconds since 1970. A day is
    /// left for clocks that differ.
    pub fn forget_expired(&mut self, now: u64) {
        const SLACK_SECONDS: u64 = 24 * 3600;
        self.revocations
            .retain(|_, expires| expires.saturating_add(SLACK_SECONDS) > now);
    }

    /// The first 32 bits of a SHA-256 over the JSON: equal copies have the same one, and different
    /// ones hardly ever do.
    pub fn digest(&self) -> u32 {
        // Strings, numbers and maps with text keys always serialise.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let hash = Sha256::digest(json);
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// The same in fragments that fit a datagram each; merged again, in any order, they are the
    /// whole.
    pub fn fragments(&self) -> Vec<Self> {
        let passwords = self.passwords.clone().map(|passwords| Self {
            passwords: Some(passwords),
            ..Self::default()
        });
        let revocations: Vec<_> = (self.revocations.iter())
            .map(|(id, expires)| (*id, *expires))
            .collect();
        let revocations = revocations
            .chunks(REVOCATIONS_PER_FRAGMENT)
            .map(|chunk| Self {
                revocations: chunk.iter().copied().collect(),
                ..Self::default()
            });
        passwords.into_iter().chain(revocations).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_auth_state() -> impl Strategy<Value = AuthState> {
        let passwords = (
            0..3_u64,
            0..3_u64,
            prop::option::of("[ab]"),
            prop::option::of("[ab]"),
        )
            .prop_map(|(generation, changed_at, viewer, admin)| Passwords {
                generation,
                changed_at,
                viewer,
                admin,
            });
        let revocations =
            prop::collection::btree_map((0..9_u128).prop_map(SessionId), 0..9_u64, 0..9);
        (prop::option::of(passwords), revocations).prop_map(|(passwords, revocations)| AuthState {
            passwords,
            revocations,
        })
    }

    fn merged(sets: &[&AuthState]) -> AuthState {
        let mut all = AuthState::default();
        for set in sets {
            all.merge(set);
        }
        all
    }

    proptest! {
        #[test]
        fn neither_order_nor_repetition_matters(
            a in any_auth_state(), b in any_auth_state(), c in any_auth_state(),
        ) {
            let whole = merged(&[&a, &b, &c]);
            prop_assert_eq!(&whole, &merged(&[&c, &a, &b]));
            prop_assert_eq!(&whole, &merged(&[&b, &merged(&[&c, &b]), &a, &a]));
            prop_assert_eq!(whole.digest(), merged(&[&c, &b, &a]).digest());
        }

        #[test]
        fn a_delta_makes_the_known_whole(
            known in any_auth_state(), auth_state in any_auth_state(),
        ) {
            let delta = auth_state.delta(&known);
            prop_assert_eq!(merged(&[&known, &delta]), merged(&[&known, &auth_state]));
            prop_assert_eq!(auth_state.delta(&auth_state), AuthState::default());
        }

        #[test]
        fn the_fragments_are_the_whole(auth_state in any_auth_state()) {
            let fragments = auth_state.fragments();
            prop_assert_eq!(merged(&fragments.iter().rev().collect::<Vec<_>>()), auth_state);
        }
    }

    #[test]
    fn the_revocation_list_is_bounded_and_what_would_last_longest_stays() {
        let many = (0..2000_u64).map(|n| (SessionId(n.into()), n)).collect();
        let mut auth_state = AuthState::default();
        auth_state.merge(&AuthState {
            passwords: None,
            revocations: many,
        });
        assert_eq!(auth_state.revocations.len(), MAX_REVOCATIONS);
        assert!(auth_state.revocations.contains_key(&SessionId(1999)));
        auth_state.forget_expired(1999 + 2 * 24 * 3600);
        assert_eq!(auth_state, AuthState::default());
    }

    #[test]
    fn a_later_change_wins_although_the_clock_was_a_year_ahead_before_or_is_a_year_behind_now() {
        const YEAR: u64 = 366 * 24 * 3600 * 1000;
        const NOW: u64 = 1_795_400_000_000;
        let set = |state: &AuthState, changed_at, admin: &str| AuthState {
            passwords: Some(Passwords {
                generation: state.next_generation(),
                changed_at,
                viewer: None,
                admin: Some(admin.to_owned()),
            }),
            ..AuthState::default()
        };
        for (first, second) in [(NOW + YEAR, NOW), (NOW, NOW - YEAR), (NOW, NOW)] {
            let before = set(&AuthState::default(), first, "old");
            let after = set(&before, second, "new");
            for merged in [merged(&[&before, &after]), merged(&[&after, &before])] {
                assert_eq!(merged.passwords, after.passwords);
                assert_eq!(merged.generation(), after.generation());
            }
            // And back to the settings: the copies of before do not come back.
            let reset = after.reset(first - YEAR);
            let merged = merged(&[&reset, &after, &before]);
            assert_eq!(merged.set_passwords(), None);
            assert!(merged.generation() > after.generation());
        }
    }

    #[test]
    fn two_changes_that_did_not_hear_of_each_other_are_not_of_one_generation() {
        let of = |admin: &str| AuthState {
            passwords: Some(Passwords {
                generation: 1,
                changed_at: 5,
                viewer: None,
                admin: Some(admin.to_owned()),
            }),
            ..AuthState::default()
        };
        assert_eq!(of("a").generation(), of("a").generation());
        assert_ne!(of("a").generation(), of("b").generation());
    }
}

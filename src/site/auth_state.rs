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

use super::SessionId;

/// Length of the revocation list. Beyond it those entries go that would have expired soonest.
pub const MAX_REVOCATIONS: usize = 512;

/// Revocations in one fragment: a dozen fit a datagram beside its frame.
const REVOCATIONS_PER_FRAGMENT: usize = 8;

/// The passwords that were set over HTTP. They go before those of the settings.
///
/// The derived order compares the time first: it is the order of the last-writer-wins register.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// When they were set, in milliseconds since 1970. The last writer wins, and no session or
    /// token counts that was issued before.
    pub changed_at: u64,
    /// The hash (PHC string) of the viewer's; none: nobody can log in as viewer.
    pub viewer: Option<String>,
    /// The hash (PHC string) of the admin's.
    pub admin: String,
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
    /// Merges another copy into this one. Of two sets of passwords the last writer's wins, and of
    /// two of the same time the one that sorts last, so that all cameras choose the same.
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
        let passwords =
            (0..4_u64, prop::option::of("[ab]"), "[ab]").prop_map(|(changed_at, viewer, admin)| {
                Passwords {
                    changed_at,
                    viewer,
                    admin,
                }
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
}

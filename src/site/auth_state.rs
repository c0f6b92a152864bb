//! [`AuthState`]: the passwords and what was ended early, and how two copies are merged.
//!
//! It is a state-based CRDT: [`AuthState::merge`] is commutative, associative and idempotent, so
//! cameras that have heard the same changes, in whatever order and however often, have equal
//! copies. The passwords are a last-writer-wins register by generation, the [lists](Ended) of what
//! was ended are sets within an era. What goes over the LAN is a delta ([`AuthState::delta`]) or
//! the whole, in [fragments](AuthState::fragments); two copies are compared by
//! [digest](AuthState::digest).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Ended, Generation, Passwords, SessionId};

/// What all cameras of a site agree on about logins: a set that any two cameras can merge.
///
/// The same JSON is in the state file, in messages on the LAN, and under the digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Readable")]
pub struct AuthState {
    /// The newest passwords set over HTTP; none: those of the settings count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passwords: Option<Passwords>,
    /// What only an admin can end: sessions of admins, and tokens. Viewers cannot fill it.
    #[serde(skip_serializing_if = "Ended::is_empty")]
    pub ended: Ended,
    /// The sessions of viewers that have logged out.
    #[serde(skip_serializing_if = "Ended::is_empty")]
    pub ended_viewers: Ended,
}

/// As it is read: with what an earlier program wrote.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Readable {
    passwords: Option<Passwords>,
    ended: Ended,
    ended_viewers: Ended,
    /// The one list of before there were two.
    revocations: BTreeMap<SessionId, u64>,
}

impl From<Readable> for AuthState {
    fn from(read: Readable) -> Self {
        let mut ended = read.ended;
        let revocations = Ended {
            era: ended.era,
            floor: 0,
            list: read.revocations,
        };
        ended.merge(&revocations);
        Self {
            passwords: read.passwords,
            ended,
            ended_viewers: read.ended_viewers,
        }
    }
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

    /// That of the passwords that count.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        let passwords = self.passwords.as_ref();
        passwords.map_or(0, |passwords| passwords.epoch)
    }

    /// What makes the passwords of the settings count again, merged on any camera: an epoch and a
    /// generation of its own, so that no copy of the passwords of before, however it comes back,
    /// counts again, nor one that was set elsewhere before this reset was heard of.
    /// `now` in milliseconds since 1970.
    #[must_use]
    pub fn reset(&self, now: u64) -> Self {
        Self {
            passwords: Some(Passwords {
                // A camera whose file is lost does not know how often it was done.
                epoch: self.epoch().saturating_add(1).max(now / 1_000),
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
        self.ended.merge(&other.ended);
        self.ended_viewers.merge(&other.ended_viewers);
    }

    /// Whether changes can have led from `known` to this: numbers out of all proportion are a lie,
    /// and would leave no higher ones for those who set passwords, reset them or log out
    /// afterwards.
    #[must_use]
    pub fn follows(&self, known: &Self) -> bool {
        /// A reset that knows of none before takes the time in seconds.
        const LEAP: u64 = 1 << 32;
        let near = |number: u64, known: u64| number < known.saturating_add(LEAP);
        let passwords = self.passwords.as_ref().is_none_or(|passwords| {
            near(passwords.epoch, known.epoch())
                && near(passwords.generation, known.generation().number)
        });
        passwords
            && near(self.ended.era, known.ended.era)
            && near(self.ended_viewers.era, known.ended_viewers.era)
    }

    /// What `known` lacks: merged into it, it makes the two equal to a merge of the whole.
    #[must_use]
    pub fn delta(&self, known: &Self) -> Self {
        Self {
            passwords: (self.passwords > known.passwords)
                .then(|| self.passwords.clone())
                .flatten(),
            ended: self.ended.delta(&known.ended),
            ended_viewers: self.ended_viewers.delta(&known.ended_viewers),
        }
    }

    /// Forgets what has expired by itself ([`Ended::forget_expired`]).
    pub fn forget_expired(&mut self, now: u64) {
        self.ended.forget_expired(now);
        self.ended_viewers.forget_expired(now);
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
        let ended = self.ended.fragments().into_iter().map(|ended| Self {
            ended,
            ..Self::default()
        });
        let viewers = self.ended_viewers.fragments();
        let viewers = viewers.into_iter().map(|ended_viewers| Self {
            ended_viewers,
            ..Self::default()
        });
        passwords.into_iter().chain(ended).chain(viewers).collect()
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
                epoch: generation / 3,
                generation,
                changed_at,
                viewer,
                admin,
            });
        let ended = || {
            let list = prop::collection::btree_map((0..9_u128).prop_map(SessionId), 4..9_u64, 0..9);
            (0..2_u64, 0..4_u64, list).prop_map(|(era, floor, list)| Ended { era, floor, list })
        };
        (prop::option::of(passwords), ended(), ended()).prop_map(
            |(passwords, ended, ended_viewers)| AuthState {
                passwords,
                ended,
                ended_viewers,
            },
        )
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
    fn what_an_earlier_program_has_ended_stays_ended() {
        let id = "00000000000000000000000000000007";
        let old = format!(r#"{{"revocations":{{"{id}":4000000000}}}}"#);
        let state: AuthState = serde_json::from_str(&old).unwrap();
        assert!(state.ended.contains(SessionId(7), 0, 4_000_000_000));
    }

    #[test]
    fn a_later_change_wins_although_the_clock_was_a_year_ahead_before_or_is_a_year_behind_now() {
        const YEAR: u64 = 366 * 24 * 3600 * 1000;
        const NOW: u64 = 1_795_400_000_000;
        let set = |state: &AuthState, changed_at, admin: &str| AuthState {
            passwords: Some(Passwords {
                epoch: 0,
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
    fn a_reset_outdoes_whatever_was_set_elsewhere_before_it_was_heard_of() {
        let set = |epoch, generation| AuthState {
            passwords: Some(Passwords {
                epoch,
                generation,
                changed_at: 9_000_000_000_000,
                viewer: None,
                admin: Some("the intruder's".to_owned()),
            }),
            ..AuthState::default()
        };
        // Known here, and not known after the file was lost.
        for known in [set(0, 3), AuthState::default()] {
            let reset = known.reset(1_795_400_000_000);
            let merged = merged(&[&reset, &set(0, 1_000)]);
            assert_eq!(merged.set_passwords(), None);
            // What is set afterwards counts.
            let later = set(merged.epoch(), merged.next_generation());
            assert!(later.passwords > merged.passwords);
        }
        let again = set(2_000_000_000, 1).reset(1_795_400_000_000);
        assert_eq!(again.epoch(), 2_000_000_001);
    }

    #[test]
    fn what_leaves_no_higher_number_is_not_believed() {
        let known = AuthState::default();
        let set = |epoch, generation| AuthState {
            passwords: Some(Passwords {
                epoch,
                generation,
                changed_at: u64::MAX,
                viewer: None,
                admin: None,
            }),
            ..AuthState::default()
        };
        assert!(known.reset(1_795_400_000_000).follows(&known));
        assert!(set(0, 1_000).follows(&known));
        assert!(!set(u64::MAX, 1).follows(&known));
        assert!(!set(0, u64::MAX).follows(&known));
        let mut era = AuthState::default();
        era.ended.era = u64::MAX;
        assert!(!era.follows(&known));
        assert!(
            era.ended.next_era().era == u64::MAX,
            "there is no higher one"
        );
    }

    #[test]
    fn two_changes_that_did_not_hear_of_each_other_are_not_of_one_generation() {
        let of = |admin: &str| AuthState {
            passwords: Some(Passwords {
                epoch: 0,
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

//! [`AuthState`], and merging them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Ended sessions that are remembered. Beyond it those go that would have ended soonest.
pub const MOST_REVOKED: usize = 512;

/// Ended sessions in one piece: a dozen fit a datagram beside its frame.
const REVOKED_A_PIECE: usize = 8;

/// Which session, or which token: 128 random bits, shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SessionId(pub u128);

/// The passwords that were set over HTTP. They go before those of the settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// When they were set, milliseconds since 1970: the newer ones count, and what was signed in
    /// before is not.
    pub changed_at: u64,
    /// The hash (PHC string) of the viewer's; none: nobody can log in as viewer.
    pub viewer: Option<String>,
    /// The hash (PHC string) of the admin's.
    pub admin: String,
}

/// What every camera of a site knows about logins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthState {
    /// The newest passwords set over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passwords: Option<Passwords>,
    /// Sessions that were ended, and when they would have ended by themselves, in seconds since
    /// 1970.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub revoked: BTreeMap<SessionId, u64>,
}

impl AuthState {
    /// Takes over what `other` knows better. Of two sets of passwords the newer counts, and of two
    /// of the same time the one that sorts last, so that all cameras choose the same.
    pub fn merge(&mut self, other: &Self) {
        let key = |passwords: &Option<Passwords>| passwords.clone();
        if key(&other.passwords) > key(&self.passwords) {
            self.passwords.clone_from(&other.passwords);
        }
        for (session, ends) in &other.revoked {
            let known = self.revoked.entry(*session).or_default();
            *known = (*known).max(*ends);
        }
        while self.revoked.len() > MOST_REVOKED {
            let soonest = self.revoked.iter().min_by_key(|(id, ends)| (**ends, **id));
            let Some(id) = soonest.map(|(id, _)| *id) else {
                break;
            };
            self.revoked.remove(&id);
        }
    }

    /// What is in it that `known` does not have.
    #[must_use]
    pub fn since(&self, known: &Self) -> Self {
        let newer = |(id, ends): &(&SessionId, &u64)| known.revoked.get(id) < Some(ends);
        Self {
            passwords: (self.passwords > known.passwords)
                .then(|| self.passwords.clone())
                .flatten(),
            revoked: (self.revoked.iter().filter(newer))
                .map(|(id, ends)| (*id, *ends))
                .collect(),
        }
    }

    /// Forgets sessions that have ended by themselves; `now` in seconds since 1970. Some slack is
    /// left for clocks that differ.
    pub fn forget_ended(&mut self, now: u64) {
        const SLACK: u64 = 24 * 3600;
        self.revoked
            .retain(|_, ends| ends.saturating_add(SLACK) > now);
    }

    /// A number that two equal sets share and two different ones hardly ever do.
    pub fn digest(&self) -> u32 {
        // Strings, numbers and maps with text keys always serialise.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let hash = Sha256::digest(json);
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// The same in pieces that fit a datagram each; merged again, in any order, they are the whole.
    pub fn pieces(&self) -> Vec<Self> {
        let passwords = self.passwords.clone().map(|passwords| Self {
            passwords: Some(passwords),
            ..Self::default()
        });
        let revoked: Vec<_> = self.revoked.iter().map(|(id, ends)| (*id, *ends)).collect();
        let revoked = revoked.chunks(REVOKED_A_PIECE).map(|chunk| Self {
            revoked: chunk.iter().copied().collect(),
            ..Self::default()
        });
        passwords.into_iter().chain(revoked).collect()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// A session id is exactly 32 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("a session id is 32 hexadecimal digits")]
pub struct BadSessionId;

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.to_string()
    }
}

impl FromStr for SessionId {
    type Err = BadSessionId;

    fn from_str(text: &str) -> Result<Self, BadSessionId> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let id = u128::from_str_radix(text, 16).ok().filter(|_| digits);
        id.map(Self).ok_or(BadSessionId)
    }
}

impl TryFrom<String> for SessionId {
    type Error = BadSessionId;

    fn try_from(text: String) -> Result<Self, BadSessionId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_facts() -> impl Strategy<Value = AuthState> {
        let passwords =
            (0..4_u64, prop::option::of("[ab]"), "[ab]").prop_map(|(changed_at, viewer, admin)| {
                Passwords {
                    changed_at,
                    viewer,
                    admin,
                }
            });
        let revoked = prop::collection::btree_map((0..9_u128).prop_map(SessionId), 0..9_u64, 0..9);
        (prop::option::of(passwords), revoked)
            .prop_map(|(passwords, revoked)| AuthState { passwords, revoked })
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
        fn neither_order_nor_repetition_matters(a in any_facts(), b in any_facts(), c in any_facts()) {
            let whole = merged(&[&a, &b, &c]);
            prop_assert_eq!(&whole, &merged(&[&c, &a, &b]));
            prop_assert_eq!(&whole, &merged(&[&b, &merged(&[&c, &b]), &a, &a]));
            prop_assert_eq!(whole.digest(), merged(&[&c, &b, &a]).digest());
        }

        #[test]
        fn what_is_new_makes_the_known_whole(known in any_facts(), auth_state in any_facts()) {
            let news = auth_state.since(&known);
            prop_assert_eq!(merged(&[&known, &news]), merged(&[&known, &auth_state]));
            prop_assert_eq!(auth_state.since(&auth_state), AuthState::default());
        }

        #[test]
        fn the_pieces_are_the_whole(auth_state in any_facts()) {
            let pieces = auth_state.pieces();
            prop_assert_eq!(merged(&pieces.iter().rev().collect::<Vec<_>>()), auth_state);
        }
    }

    #[test]
    fn many_ended_sessions_are_bounded_and_the_ones_that_last_longest_stay() {
        let many = (0..2000_u64).map(|n| (SessionId(n.into()), n)).collect();
        let mut auth_state = AuthState::default();
        auth_state.merge(&AuthState {
            passwords: None,
            revoked: many,
        });
        assert_eq!(auth_state.revoked.len(), MOST_REVOKED);
        assert!(auth_state.revoked.contains_key(&SessionId(1999)));
        auth_state.forget_ended(1999 + 2 * 24 * 3600);
        assert_eq!(auth_state, AuthState::default());
    }
}

//! Credentials that were right a moment ago.
//!
//! Players and recorders send user name and password with each request; hashing them each time
//! would keep a small camera busy. What is kept is a keyed hash with a key of this process, so that
//! neither the memory nor the time of a look says anything about a password.

use std::collections::BTreeMap;

use hmac::Mac as _;

use super::Access;
use crate::site::{HmacSha256, keyed};
use porthole_types::forget_oldest;

/// As many different ones as a site has, and some old ones.
const MOST: usize = 32;

/// Which passwords were valid when they were right: those set over HTTP at this time, or those of
/// the settings.
pub type Edition = Option<u64>;

/// The ones that were right.
pub struct Proven {
    key: HmacSha256,
    known: BTreeMap<[u8; 32], Proof>,
    looks: u64,
}

struct Proof {
    edition: Edition,
    used: u64,
}

impl Proven {
    /// None yet; `key` is random and kept nowhere.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            key: keyed(key),
            known: BTreeMap::new(),
            looks: 0,
        }
    }

    /// Whether they were right, with the passwords that still count.
    pub fn knows(&mut self, user: Access, password: &str, edition: Edition) -> bool {
        let mark = self.mark(user, password);
        self.looks += 1;
        match self.known.get_mut(&mark) {
            Some(proof) if proof.edition == edition => {
                proof.used = self.looks;
                true
            }
            _ => false,
        }
    }

    /// They are right with these passwords. What was right with others is forgotten.
    pub fn remember(&mut self, user: Access, password: &str, edition: Edition) {
        let mark = self.mark(user, password);
        self.looks += 1;
        self.known.retain(|_, proof| proof.edition == edition);
        let proof = Proof {
            edition,
            used: self.looks,
        };
        self.known.insert(mark, proof);
        forget_oldest(&mut self.known, MOST, |proof| proof.used);
    }

    fn mark(&self, user: Access, password: &str) -> [u8; 32] {
        let mut mac = self.key.clone();
        mac.update(user.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_right_counts_for_its_user_until_the_passwords_change() {
        let mut proven = Proven::new(&[7; 32]);
        assert!(!proven.knows(Access::Viewer, "secret", None));
        proven.remember(Access::Viewer, "secret", None);
        assert!(proven.knows(Access::Viewer, "secret", None));
        assert!(!proven.knows(Access::Admin, "secret", None));
        assert!(!proven.knows(Access::Viewer, "secrets", None));
        assert!(!proven.knows(Access::Viewer, "secret", Some(1)));
        proven.remember(Access::Viewer, "other", Some(1));
        assert_eq!(proven.known.len(), 1, "the old one is forgotten");
    }

    #[test]
    fn the_ones_in_use_stay_and_the_table_does_not_grow() {
        let mut proven = Proven::new(&[7; 32]);
        proven.remember(Access::Viewer, "in use", None);
        for n in 0..1000 {
            proven.remember(Access::Viewer, &n.to_string(), None);
            assert!(proven.knows(Access::Viewer, "in use", None));
        }
        assert_eq!(proven.known.len(), MOST);
    }
}

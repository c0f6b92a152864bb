//! [`CredentialCache`]: user names and passwords that were right a moment ago.
//!
//! Players and recorders send user name and password with each request; hashing them each time
//! would keep a small camera busy. What is kept is a keyed hash with a key of this process, so that
//! neither the memory nor the time of a look says anything about a password.

use std::collections::BTreeMap;

use hmac::Mac as _;

use super::Access;
use crate::site::{Generation, HmacSha256, keyed};
use porthole_types::forget_oldest;

/// As many entries as a site has users and passwords, and some old ones.
const MAX_ENTRIES: usize = 32;

/// Which passwords were valid.
pub type PasswordVersion = Generation;

/// The credentials that were right, by keyed hash. The least recently used one goes first.
pub struct CredentialCache {
    key: HmacSha256,
    entries: BTreeMap<[u8; 32], CachedCredential>,
    /// Counts lookups and insertions: the time that `used` is in.
    uses: u64,
}

struct CachedCredential {
    version: PasswordVersion,
    used: u64,
}

impl CredentialCache {
    /// An empty one; `key` is random and kept nowhere.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            key: keyed(key),
            entries: BTreeMap::new(),
            uses: 0,
        }
    }

    /// Whether they were right with these passwords.
    pub fn contains(&mut self, user: Access, password: &str, version: PasswordVersion) -> bool {
        let hash = self.keyed_hash(user, password);
        self.uses += 1;
        match self.entries.get_mut(&hash) {
            Some(entry) if entry.version == version => {
                entry.used = self.uses;
                true
            }
            _ => false,
        }
    }

    /// Adds credentials that are right with these passwords, and forgets what was right with others
    /// only.
    pub fn insert(&mut self, user: Access, password: &str, version: PasswordVersion) {
        let hash = self.keyed_hash(user, password);
        self.uses += 1;
        self.entries.retain(|_, entry| entry.version == version);
        let entry = CachedCredential {
            version,
            used: self.uses,
        };
        self.entries.insert(hash, entry);
        forget_oldest(&mut self.entries, MAX_ENTRIES, |entry| entry.used);
    }

    fn keyed_hash(&self, user: Access, password: &str) -> [u8; 32] {
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

    fn generation(number: u64) -> PasswordVersion {
        Generation { number, tag: 0 }
    }

    #[test]
    fn what_was_right_counts_for_its_user_until_the_passwords_change() {
        let mut cache = CredentialCache::new(&[7; 32]);
        assert!(!cache.contains(Access::Viewer, "secret", generation(0)));
        cache.insert(Access::Viewer, "secret", generation(0));
        assert!(cache.contains(Access::Viewer, "secret", generation(0)));
        assert!(!cache.contains(Access::Admin, "secret", generation(0)));
        assert!(!cache.contains(Access::Viewer, "secrets", generation(0)));
        assert!(!cache.contains(Access::Viewer, "secret", generation(1)));
        cache.insert(Access::Viewer, "other", generation(1));
        assert_eq!(cache.entries.len(), 1, "the old one is forgotten");
    }

    #[test]
    fn the_ones_in_use_stay_and_the_table_does_not_grow() {
        let mut cache = CredentialCache::new(&[7; 32]);
        cache.insert(Access::Viewer, "in use", generation(0));
        for n in 0..1000 {
            cache.insert(Access::Viewer, &n.to_string(), generation(0));
            assert!(cache.contains(Access::Viewer, "in use", generation(0)));
        }
        assert_eq!(cache.entries.len(), MAX_ENTRIES);
    }
}

//! Where the actors take the randomness that pure code is given.

use porthole_election::Entropy;

/// Fresh randomness for one decision. Without any every server waits the same: collisions, which
/// the rules resolve, and reports all at once, which a LAN can bear.
pub(super) fn entropy() -> Entropy {
    Entropy(getrandom::u64().unwrap_or_default())
}

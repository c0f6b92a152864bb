//! Taking up a term that another server knows of.

use super::State;
use porthole_types::Term;

impl State {
    /// Takes up a higher term that somebody else knows of.
    pub(super) fn adopt(&mut self, term: Term) {
        if plausible(self.term, term) {
            self.term = self.term.max(term);
        }
    }
}

/// A term that no series of changes of leadership can have reached is a lie: taking it up would let
/// one forged datagram use up the numbers.
pub(super) fn plausible(known: Term, term: Term) -> bool {
    const LEAP: u64 = 1 << 20;
    term.0 < known.0.saturating_add(LEAP)
}

//! Entry tickets that were redeemed here: each opens a session once.

use std::collections::BTreeMap;

use porthole_types::forget_oldest;

/// Tickets that are remembered; each lasts a minute.
const MAX_REMEMBERED: usize = 1024;

/// The nonces of redeemed tickets, and when each ticket expires, in seconds since 1970.
#[derive(Default)]
pub struct UsedTickets(BTreeMap<u64, u64>);

impl UsedTickets {
    /// Redeems a ticket at `now` (seconds since 1970). Returns false where it was redeemed before.
    pub fn redeem(&mut self, nonce: u64, expires: u64, now: u64) -> bool {
        self.0.retain(|_, expires| *expires > now);
        if self.0.insert(nonce, expires).is_some() {
            return false;
        }
        forget_oldest(&mut self.0, MAX_REMEMBERED, |expires| *expires);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_redeemed_once_and_forgotten_when_it_has_expired() {
        let mut used = UsedTickets::default();
        assert!(used.redeem(1, 60, 0));
        assert!(!used.redeem(1, 60, 59));
        assert!(used.redeem(2, 120, 60));
        assert_eq!(used.0.len(), 1, "the first one has expired");
        for nonce in 3..3000 {
            assert!(used.redeem(nonce, 120, 60));
        }
        assert_eq!(used.0.len(), MAX_REMEMBERED);
    }
}

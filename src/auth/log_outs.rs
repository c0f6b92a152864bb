//! [`LogOuts`]: how many viewers' sessions a client may end.
//!
//! What was ended is remembered in a list that has an end ([`Ended`](crate::site::Ended)), and past
//! it all viewers have to log in again. Whoever has the viewer's password could log in and out to
//! that purpose; with this it takes hours. Admins are never hindered.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::client::client_at;
use porthole_types::forget_oldest;

/// Log-outs that a client may have at once.
const AT_ONCE: u32 = 20;

/// After these there is one more each time this has passed.
const ONE_MORE_AFTER: Duration = Duration::from_mins(5);

/// Clients that are remembered.
const MAX_CLIENTS: usize = 1024;

/// The log-outs of viewers, by client.
#[derive(Default)]
pub struct LogOuts(BTreeMap<IpAddr, Spent>);

/// When a client has all its log-outs again.
struct Spent {
    whole_at: Instant,
}

impl LogOuts {
    /// A client wants to end a viewer's session.
    ///
    /// # Errors
    /// How long it has to wait instead.
    pub fn spend(&mut self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let client = client_at(from);
        let begins = self
            .0
            .get(&client)
            .map_or(now, |spent| spent.whole_at.max(now));
        let whole_at = begins + ONE_MORE_AFTER;
        let longest = ONE_MORE_AFTER * AT_ONCE;
        let over = whole_at
            .saturating_duration_since(now)
            .saturating_sub(longest);
        if over > Duration::ZERO {
            return Err(over);
        }
        self.0.insert(client, Spent { whole_at });
        forget_oldest(&mut self.0, MAX_CLIENTS, |spent| spent.whole_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_some_at_once_and_then_one_every_few_minutes_and_others_are_not_hindered() {
        let (mut log_outs, begin) = (LogOuts::default(), Instant::now());
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let same: IpAddr = "2001:db8::ffff:2".parse().unwrap();
        let other: IpAddr = "192.0.2.1".parse().unwrap();
        let mut spent = 0;
        while log_outs.spend(one, begin).is_ok() {
            spent += 1;
        }
        assert_eq!(spent, AT_ONCE);
        assert_eq!(log_outs.spend(same, begin), Err(ONE_MORE_AFTER));
        assert_eq!(log_outs.spend(other, begin), Ok(()));
        let later = begin + ONE_MORE_AFTER;
        assert_eq!(log_outs.spend(same, later), Ok(()));
        assert_eq!(log_outs.spend(one, later), Err(ONE_MORE_AFTER));
    }

    #[test]
    fn the_table_does_not_grow() {
        let (mut log_outs, now) = (LogOuts::default(), Instant::now());
        for n in 0..5000_u32 {
            let from = std::net::Ipv4Addr::from(n);
            assert_eq!(log_outs.spend(from.into(), now), Ok(()));
        }
        assert_eq!(log_outs.0.len(), MAX_CLIENTS);
    }
}

//! [`has_link`] and [`SelfCheck`]: whether what was said and asked in mDNS can still hold.
//!
//! The library asks again on a link that is back, but announces nothing: others that have forgotten
//! this server by then learn of it by chance, when it answers its own question. Where the link
//! stays up and something further away was off it does neither, and asks ever more seldom. So
//! mDNS ends with the link and begins with it, and who has lost all others goes on asking.

use std::time::{Duration, Instant};

use porthole_backoff::Backoff;

/// How long nothing at all may be heard before everything is begun anew; probing and announcing
/// take two seconds. Longer each time, since a firewall that keeps mDNS out stays.
const SILENCE: Backoff = match Backoff::new(Duration::from_mins(1), Duration::from_hours(1), 0) {
    Ok(backoff) => backoff,
    Err(_) => panic!("the waits are in order"),
};

/// How often it is asked who is there after the last other server was lost. The library asks ever
/// more seldom, in the end once an hour; a LAN with nobody on it is not disturbed by more.
const ASK_ALONE: Duration = Duration::from_secs(45);

/// Who is not back by then was taken away.
const GIVE_UP: Duration = Duration::from_hours(24);

/// Whether the interface has a link: its cable is in, or its wireless network joined. Where that
/// cannot be known it is taken to have one.
pub fn has_link(interface: &str) -> bool {
    if_addrs::get_if_addrs().map_or(true, |all| {
        let mut these = all.iter().filter(|one| one.name == interface).peekable();
        these.peek().is_none() || these.any(if_addrs::Interface::is_oper_up)
    })
}

/// Notices a daemon that is deaf, and a server that has lost all others.
///
/// What goes to the group comes back to its sender too, so even a camera alone hears one entry, its
/// own. Who hears that and nobody else any more may be on the wrong side of a switch that is off.
#[derive(Clone, Copy, Debug)]
pub struct SelfCheck {
    hears_itself: bool,
    heard_at: Instant,
    /// How often in a row everything was begun anew without hearing anything.
    failures: u32,
    alone: Option<Alone>,
}

#[derive(Clone, Copy, Debug)]
struct Alone {
    since: Instant,
    asked_at: Instant,
}

impl SelfCheck {
    /// As a daemon begins.
    pub fn new(now: Instant) -> Self {
        Self {
            hears_itself: false,
            heard_at: now,
            failures: 0,
            alone: None,
        }
    }

    /// Another daemon begins, after what may have been a change of the network.
    pub fn begun(&mut self, now: Instant) {
        self.hears_itself = false;
        self.heard_at = now;
    }

    /// An entry was heard, this server's own or another's.
    pub fn heard(&mut self, own: bool, now: Instant) {
        self.hears_itself |= own;
        self.heard_at = now;
        self.failures = 0;
        if !own {
            self.alone = None;
        }
    }

    /// The last of the others was not heard again in time, or is not to be heard.
    pub fn lost_last(&mut self, now: Instant) {
        self.alone = Some(Alone {
            since: now,
            asked_at: now,
        });
    }

    /// Whether it is time to ask again who is there; asked again only when that was done.
    pub fn asks_again(&mut self, now: Instant) -> bool {
        let Some(alone) = &mut self.alone else {
            return false;
        };
        let asks = now.saturating_duration_since(alone.since) < GIVE_UP
            && now.saturating_duration_since(alone.asked_at) >= ASK_ALONE;
        if asks {
            alone.asked_at = now;
        }
        asks
    }

    /// This server's own entry was not heard again in time.
    pub fn lost_own(&mut self, now: Instant) {
        self.hears_itself = false;
        self.heard_at = now;
    }

    /// Whether it is time to begin anew; asked again only when that was done.
    pub fn is_deaf(&mut self, now: Instant) -> bool {
        let limit = SILENCE.after(self.failures.saturating_add(1), 0);
        let deaf = !self.hears_itself && now.saturating_duration_since(self.heard_at) >= limit;
        if deaf {
            self.failures = self.failures.saturating_add(1);
        }
        deaf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn loopback_has_a_link_and_an_interface_that_nobody_knows_is_taken_to_have_one() {
        assert!(has_link("lo"));
        assert!(has_link("no such thing"));
    }

    #[test]
    fn who_hears_itself_is_never_deaf_until_that_is_lost() {
        let start = Instant::now();
        let mut check = SelfCheck::new(start);
        check.heard(true, start);
        assert!(!check.is_deaf(start + 1_000 * MINUTE));
        check.lost_own(start + 1_000 * MINUTE);
        assert!(!check.is_deaf(start + 1_000 * MINUTE));
        assert!(check.is_deaf(start + 1_001 * MINUTE));
    }

    #[test]
    fn who_hears_others_alone_is_not_deaf() {
        let start = Instant::now();
        let mut check = SelfCheck::new(start);
        check.heard(false, start + MINUTE);
        assert!(!check.is_deaf(start + MINUTE));
        assert!(check.is_deaf(start + 2 * MINUTE));
    }

    #[test]
    fn who_has_lost_all_others_asks_for_a_day_until_one_is_there() {
        let start = Instant::now();
        let mut check = SelfCheck::new(start);
        let asked = |check: &mut SelfCheck, hours: u64| {
            let seconds = (0..hours * 3_600).map(|second| start + Duration::from_secs(second));
            seconds.filter(|now| check.asks_again(*now)).count()
        };
        assert_eq!(asked(&mut check, 1), 0, "nobody was lost");
        check.lost_last(start);
        check.heard(true, start);
        check.begun(start);
        assert_eq!(asked(&mut check, 1), 79, "every 45 s");
        assert_eq!(asked(&mut check, 48), 23 * 80);
        check.lost_last(start);
        check.heard(false, start);
        assert_eq!(asked(&mut check, 1), 0);
    }

    #[test]
    fn where_nothing_is_ever_heard_it_is_begun_anew_ever_more_seldom() {
        let start = Instant::now();
        let mut check = SelfCheck::new(start);
        let mut begun = Vec::new();
        for minute in 0..300 {
            let now = start + minute * MINUTE;
            if check.is_deaf(now) {
                begun.push(minute);
                check.begun(now);
            }
        }
        assert_eq!(begun, [1, 3, 7, 15, 31, 63, 123, 183, 243]);
        check.heard(false, start);
        check.begun(start);
        assert!(
            check.is_deaf(start + MINUTE),
            "after one was heard it is a minute again"
        );
    }
}

//! When a server reports itself: when asked (Embodiment 2), when something about it has changed,
//! and unasked now and then (¶47, ¶64).

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use crate::fleet::{Myself, Occasion};
use porthole_election::Entropy;
use porthole_types::ExternalPort;

/// Two askings closer together than this are one: an Inquiry and its echo.
const ONE_ASKING: Duration = Duration::from_millis(100);

/// What others reach this server by: when it changes they should know at once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    name: String,
    lan: SocketAddrV4,
    external: Option<ExternalPort>,
}

impl Told {
    fn of(me: &Myself) -> Self {
        Self {
            name: me.name.clone(),
            lan: me.lan,
            external: me.external,
        }
    }
}

/// When to answer an Inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Now: there is something new to say.
    AtOnce,
    /// After this wait, which is random so that not all answer at once.
    After(Duration),
    /// The one who asks has just heard it, or is about to.
    Given,
}

/// What this server last said of itself, and when.
pub struct Reporting {
    heartbeat: Duration,
    told: Option<(Told, Instant)>,
    promised: Option<Promise>,
}

/// A report that goes out after a random wait, so that not all speak at once.
#[derive(Clone, Copy)]
struct Promise {
    at: Instant,
    occasion: Occasion,
}

impl Reporting {
    /// Of a server that has yet to report itself.
    pub fn new(heartbeat: Duration) -> Self {
        Self {
            heartbeat,
            told: None,
            promised: None,
        }
    }

    /// Whether it is time to report, and on what occasion: a promise is to be kept, there is news,
    /// or all has been quiet for long. Whatever goes out while an answer is owed is that
    /// answer.
    pub fn is_due(&self, me: &Myself, now: Instant) -> Option<Occasion> {
        let due = self.is_news(me)
            || self.promised.is_some_and(|promise| promise.at <= now)
            || self.age(now) >= self.heartbeat * 3 / 2;
        let promised = self.promised.map(|promise| promise.occasion);
        due.then(|| promised.unwrap_or(Occasion::Unasked))
    }

    /// Somebody asks. A wait that is answered here is a promise, which [`Reporting::is_due`]
    /// reminds of.
    pub fn asked(&mut self, me: &Myself, now: Instant, entropy: Entropy) -> Answer {
        if self.is_news(me) {
            return Answer::AtOnce;
        }
        if let Some(promise) = &mut self.promised {
            promise.occasion = Occasion::Asked;
            return Answer::Given;
        }
        if self.age(now) < ONE_ASKING {
            return Answer::Given;
        }
        Answer::After(self.promise(Occasion::Asked, now, entropy))
    }

    /// It has learned something from the others that they should know it knows: it reports itself
    /// after this wait, together with whatever else it learns in it. Nothing where a report is
    /// promised already.
    pub fn learned(&mut self, now: Instant, entropy: Entropy) -> Option<Duration> {
        let free = self.promised.is_none();
        free.then(|| self.promise(Occasion::Unasked, now, entropy))
    }

    fn promise(&mut self, occasion: Occasion, now: Instant, entropy: Entropy) -> Duration {
        let wait = entropy.span(self.heartbeat / 8);
        self.promised = Some(Promise {
            at: now + wait,
            occasion,
        });
        wait
    }

    /// It has reported itself.
    pub fn said(&mut self, me: &Myself, now: Instant) {
        self.told = Some((Told::of(me), now));
        self.promised = None;
    }

    /// The others were told that this server leaves: unless it does, they have to be told again.
    pub fn forgotten(&mut self) {
        self.told = None;
    }

    fn is_news(&self, me: &Myself) -> bool {
        self.told
            .as_ref()
            .is_none_or(|(told, _)| *told != Told::of(me))
    }

    fn age(&self, now: Instant) -> Duration {
        self.told
            .as_ref()
            .map_or(Duration::MAX, |(_, at)| now.saturating_duration_since(*at))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::fleet::{Activity, Scheme, Standing};
    use porthole_types::InstanceId;

    const HEARTBEAT: Duration = Duration::from_secs(2);

    fn me(port: u16) -> Myself {
        Myself {
            id: InstanceId(1),
            name: "Barn".to_owned(),
            lan: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080),
            external: ExternalPort::new(port),
            standing: Standing::Member,
            activity: Activity::Idle,
            scheme: Scheme::Http,
        }
    }

    fn told(at: Instant) -> Reporting {
        let mut reporting = Reporting::new(HEARTBEAT);
        let first = reporting.is_due(&me(8081), at);
        assert_eq!(first, Some(Occasion::Unasked), "nothing was said yet");
        reporting.said(&me(8081), at);
        reporting
    }

    #[test]
    fn it_reports_every_one_and_a_half_heartbeats_and_at_once_when_reached_otherwise() {
        let start = Instant::now();
        let reporting = told(start);
        let almost = HEARTBEAT * 149 / 100;
        let due = |me: &Myself, at| reporting.is_due(me, at);
        assert_eq!(due(&me(8081), start + almost), None);
        let unasked = Some(Occasion::Unasked);
        assert_eq!(due(&me(8081), start + HEARTBEAT * 3 / 2), unasked);
        assert_eq!(due(&me(8082), start), unasked);
        let renamed = Myself {
            name: "Stable".to_owned(),
            ..me(8081)
        };
        assert_eq!(due(&renamed, start), unasked);
        let busy = Myself {
            activity: Activity::Live("640×480".to_owned()),
            ..me(8081)
        };
        assert_eq!(due(&busy, start), None, "can wait its turn");
    }

    #[test]
    fn an_inquiry_and_its_echo_are_answered_once_within_an_eighth_of_a_heartbeat() {
        let start = Instant::now();
        let asked_at = start + HEARTBEAT / 2;
        let mut longest = Duration::ZERO;
        for share in [0, u64::MAX / 2, u64::MAX] {
            let mut reporting = told(start);
            let Answer::After(wait) = reporting.asked(&me(8081), asked_at, Entropy(share)) else {
                panic!("an answer is owed");
            };
            longest = longest.max(wait);
            let echo = asked_at + Duration::from_millis(50);
            if wait > Duration::from_millis(50) {
                assert_eq!(reporting.is_due(&me(8081), echo), None);
            } else {
                reporting.said(&me(8081), asked_at + wait);
            }
            let answer = reporting.asked(&me(8081), echo, Entropy(share));
            assert_eq!(answer, Answer::Given);
        }
        assert!(
            longest > HEARTBEAT / 16 && longest <= HEARTBEAT / 8,
            "{longest:?}"
        );
    }

    #[test]
    fn a_promise_that_a_timer_forgot_is_kept_by_the_next_look() {
        let start = Instant::now();
        let mut reporting = told(start);
        let asked_at = start + HEARTBEAT / 2;
        reporting.asked(&me(8081), asked_at, Entropy(u64::MAX));
        let due = reporting.is_due(&me(8081), asked_at + HEARTBEAT / 8);
        assert_eq!(due, Some(Occasion::Asked));
    }

    #[test]
    fn news_are_told_at_once_to_who_asks() {
        let now = Instant::now();
        let answer = told(now).asked(&me(8080), now, Entropy(u64::MAX));
        assert_eq!(answer, Answer::AtOnce);
    }

    #[test]
    fn who_said_to_leave_and_stays_reports_itself_again() {
        let now = Instant::now();
        let mut reporting = told(now);
        reporting.forgotten();
        assert!(reporting.is_due(&me(8081), now).is_some());
    }

    #[test]
    fn what_is_learned_is_told_once_after_a_wait_and_answers_whoever_asks_meanwhile() {
        let start = Instant::now();
        let mut reporting = told(start);
        let wait = reporting.learned(start, Entropy(u64::MAX)).unwrap();
        assert_eq!(reporting.learned(start, Entropy(0)), None);
        assert_eq!(reporting.is_due(&me(8081), start), None);
        let due = |reporting: &Reporting| reporting.is_due(&me(8081), start + wait);
        assert_eq!(due(&reporting), Some(Occasion::Unasked));
        let answer = reporting.asked(&me(8081), start, Entropy(0));
        assert_eq!(answer, Answer::Given);
        assert_eq!(due(&reporting), Some(Occasion::Asked));
    }
}

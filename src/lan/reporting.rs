//! When a server reports itself: when asked (Embodiment 2), when something about it has changed,
//! and unasked now and then (¶47, ¶64).

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use crate::fleet::{Myself, Occasion};
use porthole_election::Entropy;
use porthole_types::ExternalPort;

/// Two Inquiries closer together than this are one: each is sent twice.
const SAME_INQUIRY: Duration = Duration::from_millis(100);

/// What others reach this server by: when it changes they should know at once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ContactDetails {
    name: String,
    lan: SocketAddrV4,
    external: Option<ExternalPort>,
}

impl ContactDetails {
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
pub enum AnswerTiming {
    /// At once: something has changed.
    Now,
    /// After this wait, which is random so that not all answer at once.
    After(Duration),
    /// Not for this one: the report that answers it has just been sent, or is due already.
    AlreadyDue,
}

/// What this server last reported of itself, when, and which report is due.
pub struct Reporting {
    heartbeat: Duration,
    last: Option<(ContactDetails, Instant)>,
    due: Option<DueReport>,
}

/// A report that goes out after a random wait, so that not all send at once.
#[derive(Clone, Copy)]
struct DueReport {
    at: Instant,
    occasion: Occasion,
}

impl Reporting {
    /// Of a server that has yet to report itself.
    pub fn new(heartbeat: Duration) -> Self {
        Self {
            heartbeat,
            last: None,
            due: None,
        }
    }

    /// Whether to report now, and on what occasion: a wait is over, something has changed, or the
    /// last report is one and a half heartbeats old. Whatever goes out while an answer is due is
    /// that answer.
    pub fn is_due(&self, me: &Myself, now: Instant) -> Option<Occasion> {
        let is_due = self.has_changed(me)
            || self.due.is_some_and(|due| due.at <= now)
            || self.age(now) >= self.heartbeat * 3 / 2;
        let occasion = self.due.map(|due| due.occasion);
        is_due.then(|| occasion.unwrap_or(Occasion::Unasked))
    }

    /// Takes note of an Inquiry. After the wait that is answered here [`Reporting::is_due`] says
    /// so.
    pub fn on_inquiry(&mut self, me: &Myself, now: Instant, entropy: Entropy) -> AnswerTiming {
        if self.has_changed(me) {
            return AnswerTiming::Now;
        }
        if let Some(due) = &mut self.due {
            due.occasion = Occasion::Asked;
            return AnswerTiming::AlreadyDue;
        }
        if self.age(now) < SAME_INQUIRY {
            return AnswerTiming::AlreadyDue;
        }
        AnswerTiming::After(self.schedule(Occasion::Asked, now, entropy))
    }

    /// Takes note that this server has learned something from the others that they should know it
    /// knows: it reports itself after the wait that is answered, together with whatever else it
    /// learns in it. None where a report is due already.
    pub fn on_learned(&mut self, now: Instant, entropy: Entropy) -> Option<Duration> {
        let is_free = self.due.is_none();
        is_free.then(|| self.schedule(Occasion::Unasked, now, entropy))
    }

    fn schedule(&mut self, occasion: Occasion, now: Instant, entropy: Entropy) -> Duration {
        let wait = entropy.span(self.heartbeat / 8);
        self.due = Some(DueReport {
            at: now + wait,
            occasion,
        });
        wait
    }

    /// Takes note that a report was sent.
    pub fn sent(&mut self, me: &Myself, now: Instant) {
        self.last = Some((ContactDetails::of(me), now));
        self.due = None;
    }

    /// Forgets the last report: the others were told that this server leaves, and have to be told
    /// again unless it does.
    pub fn reset(&mut self) {
        self.last = None;
    }

    fn has_changed(&self, me: &Myself) -> bool {
        self.last
            .as_ref()
            .is_none_or(|(last, _)| *last != ContactDetails::of(me))
    }

    fn age(&self, now: Instant) -> Duration {
        self.last
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

    fn reported(at: Instant) -> Reporting {
        let mut reporting = Reporting::new(HEARTBEAT);
        let first = reporting.is_due(&me(8081), at);
        assert_eq!(first, Some(Occasion::Unasked), "nothing was reported yet");
        reporting.sent(&me(8081), at);
        reporting
    }

    #[test]
    fn it_reports_every_one_and_a_half_heartbeats_and_at_once_when_its_contact_details_change() {
        let start = Instant::now();
        let reporting = reported(start);
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
        assert_eq!(due(&busy, start), None, "can wait for the next report");
    }

    #[test]
    fn an_inquiry_that_is_sent_twice_is_answered_once_within_an_eighth_of_a_heartbeat() {
        let start = Instant::now();
        let asked_at = start + HEARTBEAT / 2;
        let mut longest = Duration::ZERO;
        for share in [0, u64::MAX / 2, u64::MAX] {
            let mut reporting = reported(start);
            let AnswerTiming::After(wait) =
                reporting.on_inquiry(&me(8081), asked_at, Entropy(share))
            else {
                panic!("an answer is due later");
            };
            longest = longest.max(wait);
            let repetition = asked_at + Duration::from_millis(50);
            if wait > Duration::from_millis(50) {
                assert_eq!(reporting.is_due(&me(8081), repetition), None);
            } else {
                reporting.sent(&me(8081), asked_at + wait);
            }
            let answer = reporting.on_inquiry(&me(8081), repetition, Entropy(share));
            assert_eq!(answer, AnswerTiming::AlreadyDue);
        }
        assert!(
            longest > HEARTBEAT / 16 && longest <= HEARTBEAT / 8,
            "{longest:?}"
        );
    }

    #[test]
    fn a_due_report_that_a_timer_forgot_is_sent_at_the_next_check() {
        let start = Instant::now();
        let mut reporting = reported(start);
        let asked_at = start + HEARTBEAT / 2;
        reporting.on_inquiry(&me(8081), asked_at, Entropy(u64::MAX));
        let due = reporting.is_due(&me(8081), asked_at + HEARTBEAT / 8);
        assert_eq!(due, Some(Occasion::Asked));
    }

    #[test]
    fn an_inquiry_is_answered_at_once_when_something_has_changed() {
        let now = Instant::now();
        let answer = reported(now).on_inquiry(&me(8080), now, Entropy(u64::MAX));
        assert_eq!(answer, AnswerTiming::Now);
    }

    #[test]
    fn a_server_that_said_it_leaves_and_stays_reports_itself_again() {
        let now = Instant::now();
        let mut reporting = reported(now);
        reporting.reset();
        assert!(reporting.is_due(&me(8081), now).is_some());
    }

    #[test]
    fn what_is_learned_is_reported_once_after_a_wait_and_answers_an_inquiry_meanwhile() {
        let start = Instant::now();
        let mut reporting = reported(start);
        let wait = reporting.on_learned(start, Entropy(u64::MAX)).unwrap();
        assert_eq!(reporting.on_learned(start, Entropy(0)), None);
        assert_eq!(reporting.is_due(&me(8081), start), None);
        let due = |reporting: &Reporting| reporting.is_due(&me(8081), start + wait);
        assert_eq!(due(&reporting), Some(Occasion::Unasked));
        let answer = reporting.on_inquiry(&me(8081), start, Entropy(0));
        assert_eq!(answer, AnswerTiming::AlreadyDue);
        assert_eq!(due(&reporting), Some(Occasion::Asked));
    }
}

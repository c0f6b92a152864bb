//! Errands: what one server asks another to do, and hears back about. So far there is one, to take
//! another name (¶53).
//!
//! A datagram may be lost on either way, so the asker repeats itself until it is answered, and the
//! other remembers what it has answered: an errand that is asked for five times is run once.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use porthole_types::InstanceId;
use porthole_types::Name;
use porthole_types::forget_oldest;

/// Between two askings.
pub const ASK_AGAIN: Duration = Duration::from_millis(150);

/// Then it is given up, 2.25 s after the first: a slow disk has had its time, and whoever waits at
/// a page has not lost patience.
const MOST_ASKINGS: u32 = 15;

/// What this server has asked of others. Beyond it one more is refused.
const MOST_UNDER_WAY: usize = 32;

/// What others have asked of this server and it is still at. Each waits for the disk.
const MOST_RUNNING: usize = 8;

/// Errands whose outcome is remembered. Beyond it the oldest goes; it is a few seconds' worth at
/// the least.
const MOST_SERVED: usize = 64;

/// Which request this is: drawn by who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// What came of it: done, or why not, in words.
pub type Outcome = Result<(), String>;

/// Why an errand was not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// This server does not speak on the LAN.
    #[error("this camera does not speak with the others (lan.enabled = false)")]
    Silent,
    /// So many are under way that one more would not be kept track of.
    #[error("too many such requests are under way")]
    Busy,
    /// It was asked several times, and has not answered.
    #[error("it has not answered")]
    Unanswered,
    /// It has answered that it would not; its own words.
    #[error("it says: {0}")]
    Refused(String),
}

/// A server is to take this name, or with none that of its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming {
    /// Who.
    pub of: InstanceId,
    /// Where it was last heard.
    pub address: Ipv4Addr,
    /// Its new name.
    pub name: Option<Name>,
}

/// The asker's half: what is under way, and who waits for it.
pub struct PendingRequests<W> {
    under_way: BTreeMap<RequestId, UnderWay<W>>,
}

struct UnderWay<W> {
    renaming: Renaming,
    askings: u32,
    waits: W,
}

/// What the asker does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<W> {
    /// Ask (again), and look again after [`ASK_AGAIN`].
    Ask(Renaming),
    /// It was asked often enough: this one waits in vain.
    GiveUp(W),
    /// It was answered.
    Over,
}

impl<W> Default for PendingRequests<W> {
    fn default() -> Self {
        Self {
            under_way: BTreeMap::new(),
        }
    }
}

impl<W> PendingRequests<W> {
    /// Takes one on; [`PendingRequests::next`] says when to ask.
    ///
    /// # Errors
    /// The one who would have waited, when too many are under way.
    pub fn begin(&mut self, request_id: RequestId, renaming: Renaming, waits: W) -> Result<(), W> {
        if self.under_way.len() >= MOST_UNDER_WAY || self.under_way.contains_key(&request_id) {
            return Err(waits);
        }
        let begun = UnderWay {
            renaming,
            askings: 0,
            waits,
        };
        self.under_way.insert(request_id, begun);
        Ok(())
    }

    /// What to do about it now.
    pub fn next(&mut self, request_id: RequestId) -> Next<W> {
        let Some(mut request) = self.under_way.remove(&request_id) else {
            return Next::Over;
        };
        if request.askings >= MOST_ASKINGS {
            return Next::GiveUp(request.waits);
        }
        request.askings += 1;
        let renaming = request.renaming.clone();
        self.under_way.insert(request_id, request);
        Next::Ask(renaming)
    }

    /// An answer has come; who waits for it. Nobody does where another than the one that was asked
    /// answers, or after it was given up.
    pub fn answered(&mut self, from: InstanceId, request_id: RequestId) -> Option<W> {
        let asked = self.under_way.get(&request_id)?.renaming.of;
        if asked != from {
            return None;
        }
        self.under_way
            .remove(&request_id)
            .map(|request| request.waits)
    }
}

/// The other half: what was asked of this server lately, and what came of it.
#[derive(Default)]
pub struct Served {
    requests: BTreeMap<(InstanceId, RequestId), ServedRequest>,
}

struct ServedRequest {
    at: Instant,
    /// None while it is run.
    outcome: Option<Outcome>,
}

/// What to do about an errand that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// Run it, and tell [`Served::ran`].
    Run,
    /// It is being run.
    Wait,
    /// Answer.
    Answer(Outcome),
}

impl Served {
    /// Somebody asks.
    pub fn asked(&mut self, from: InstanceId, request_id: RequestId, now: Instant) -> Turn {
        if let Some(known) = self.requests.get(&(from, request_id)) {
            return known.outcome.clone().map_or(Turn::Wait, Turn::Answer);
        }
        let running = self.requests.values().filter(|one| one.outcome.is_none());
        if running.count() >= MOST_RUNNING {
            return Turn::Answer(Err("it is busy with other such requests".to_owned()));
        }
        let request = ServedRequest {
            at: now,
            outcome: None,
        };
        self.requests.insert((from, request_id), request);
        // What is being run is never forgotten: it goes behind everything that is done.
        forget_oldest(&mut self.requests, MOST_SERVED, |request| {
            (request.outcome.is_none(), request.at)
        });
        Turn::Run
    }

    /// It was run.
    pub fn ran(&mut self, from: InstanceId, request_id: RequestId, outcome: Outcome) {
        if let Some(request) = self.requests.get_mut(&(from, request_id)) {
            request.outcome = Some(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: RequestId = RequestId(7);
    const ONE: InstanceId = InstanceId(1);
    const OTHER: InstanceId = InstanceId(2);

    fn renaming() -> Renaming {
        Renaming {
            of: OTHER,
            address: Ipv4Addr::LOCALHOST,
            name: Some(Name::new("Barn").unwrap()),
        }
    }

    #[test]
    fn it_is_asked_again_until_it_is_answered_by_who_was_asked() {
        let mut requests = PendingRequests::default();
        requests.begin(ASK, renaming(), "who waits").unwrap();
        for _ in 0..3 {
            assert_eq!(requests.next(ASK), Next::Ask(renaming()));
        }
        assert_eq!(requests.answered(InstanceId(3), ASK), None);
        assert_eq!(requests.answered(OTHER, RequestId(8)), None);
        assert_eq!(requests.answered(OTHER, ASK), Some("who waits"));
        assert_eq!(requests.next(ASK), Next::Over);
        assert_eq!(requests.answered(OTHER, ASK), None, "the second answer");
    }

    #[test]
    fn without_an_answer_it_is_given_up_within_two_and_a_half_seconds() {
        let mut requests = PendingRequests::default();
        requests.begin(ASK, renaming(), "who waits").unwrap();
        let mut waited = Duration::ZERO;
        while requests.next(ASK) == Next::Ask(renaming()) {
            waited += ASK_AGAIN;
        }
        assert!(waited < Duration::from_millis(2500), "{waited:?}");
        assert_eq!(requests.next(ASK), Next::Over);
    }

    #[test]
    fn so_many_may_be_under_way_and_no_more() {
        let mut requests = PendingRequests::default();
        let begun = (0..100).filter(|n| requests.begin(RequestId(*n), renaming(), *n).is_ok());
        assert_eq!(begun.count(), MOST_UNDER_WAY);
        assert_eq!(requests.answered(OTHER, RequestId(3)), Some(3));
        assert_eq!(requests.begin(RequestId(200), renaming(), 200), Ok(()));
    }

    #[test]
    fn an_errand_that_comes_again_is_run_once_and_answered_each_time() {
        let (mut served, now) = (Served::default(), Instant::now());
        assert_eq!(served.asked(ONE, ASK, now), Turn::Run);
        assert_eq!(served.asked(ONE, ASK, now), Turn::Wait);
        let outcome: Outcome = Err("the disk is full".to_owned());
        served.ran(ONE, ASK, outcome.clone());
        for _ in 0..2 {
            assert_eq!(served.asked(ONE, ASK, now), Turn::Answer(outcome.clone()));
        }
        assert_eq!(served.asked(OTHER, ASK, now), Turn::Run, "another asker's");
    }

    #[test]
    fn a_flood_of_errands_is_bounded_and_forgets_none_that_is_run() {
        let (mut served, now) = (Served::default(), Instant::now());
        for n in 0..MOST_RUNNING as u64 {
            assert_eq!(served.asked(ONE, RequestId(n), now), Turn::Run);
        }
        let busy = served.asked(ONE, RequestId(1000), now);
        assert!(matches!(busy, Turn::Answer(Err(_))), "{busy:?}");
        served.ran(ONE, RequestId(0), Ok(()));
        for n in 2000..3000 {
            let at = now + Duration::from_millis(n);
            assert_eq!(served.asked(ONE, RequestId(n), at), Turn::Run);
            served.ran(ONE, RequestId(n), Ok(()));
        }
        assert_eq!(served.requests.len(), MOST_SERVED);
        assert_eq!(served.asked(ONE, RequestId(1), now), Turn::Wait);
    }
}

//! How long a router takes to answer: a figure that moves with its answers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::http_exchange::ANSWER_TIME;

/// What one answer moves the figure by: one part in so many of the difference.
const WEIGHT: u64 = 4;

/// How long an answer of a router that is known to be quick may take: when one is lost, that is
/// what the loss costs, and a lease is short.
const QUICK_ANSWER: Duration = Duration::from_secs(5);

/// How many times its usual time an answer may take.
const TIMES: u32 = 4;

/// The moving figure, in microseconds; 0 before the first answer.
#[derive(Debug, Default)]
pub(super) struct AnswerTime(AtomicU64);

impl AnswerTime {
    /// Another answer took so long, or did not come in that time: then the next gets longer. Two at
    /// the same moment may count as one: it is a rough figure.
    pub(super) fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let now = match self.0.load(Ordering::Relaxed) {
            0 => took,
            before => before - before / WEIGHT + took / WEIGHT,
        };
        self.0.store(now.max(1), Ordering::Relaxed);
    }

    /// How long the next answer may take: longer for a router that is slow, or not known yet.
    pub(super) fn limit(&self) -> Duration {
        self.now().map_or(ANSWER_TIME, |usual| {
            usual.saturating_mul(TIMES).clamp(QUICK_ANSWER, ANSWER_TIME)
        })
    }

    /// The figure; nothing before the first answer.
    pub(super) fn now(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_follows_the_answers_and_one_that_is_late_does_not_turn_it() {
        let time = AnswerTime::default();
        assert_eq!(time.now(), None);
        time.note(Duration::from_millis(10));
        assert_eq!(time.now(), Some(Duration::from_millis(10)));
        time.note(Duration::from_secs(2));
        let after_one = time.now().unwrap();
        assert!(after_one < Duration::from_secs(1), "{after_one:?}");
        for _ in 0..20 {
            time.note(Duration::from_secs(6));
        }
        let settled = time.now().unwrap();
        assert_eq!(settled.as_secs_f64().round() as u64, 6, "{settled:?}");
        time.note(Duration::MAX);
        time.note(Duration::ZERO);
    }

    #[test]
    fn a_quick_routers_lost_answer_is_given_up_soon_and_a_slow_one_is_waited_for() {
        let time = AnswerTime::default();
        assert_eq!(time.limit(), ANSWER_TIME);
        time.note(Duration::from_millis(10));
        assert_eq!(time.limit(), QUICK_ANSWER);
        // One that has become slow is understood after a few time-outs.
        let real = Duration::from_secs(6);
        let timed_out = std::iter::from_fn(|| {
            time.note(time.limit().min(real));
            (time.limit() < real).then_some(())
        });
        assert!(timed_out.take(10).count() < 3);
        for _ in 0..20 {
            time.note(real);
        }
        assert_eq!(time.limit(), ANSWER_TIME);
    }
}

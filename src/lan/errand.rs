//! Errands: what one server asks another to do, and hears back about. So far there is one, to take another name (¶53).
//!
//! A datagram may be lost on either way, so the asker repeats itself until it is answered, and the other remembers
//! what it has answered: an errand that is asked for five times is run once.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use porthole_types::InstanceId;
use porthole_types::Name;
use porthole_types::forget_oldest;

/// Between two askings.
pub const ASK_AGAIN: Duration = Duration::from_millis(150);

/// Then it is given up, 2.25 s after the first: a slow disk has had its time, and whoever waits at a page has not lost patience.
const MOST_ASKINGS: u32 = 15;

/// What this server has asked of others. Beyond it one more is refused.
const MOST_UNDER_WAY: usize = 32;

/// What others have asked of this server and it is still at. Each waits for the disk.
const MOST_RUNNING: usize = 8;

/// Errands whose outcome is remembered. Beyond it the oldest goes; it is a few seconds' worth at the least.
const MOST_SERVED: usize = 64;

/// Which request this is: drawn by who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ask(pub u64);

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
pub struct Errands<W> {
    under_way: BTreeMap<Ask, UnderWay<W>>,
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

impl<W> Default for Errands<W> {
    fn default() -> Self {
        Self {
            under_way: BTreeMap::new(),
        }
    }
}

impl<W> Errands<W> {
    /// Takes one on; [`Errands::next`] says when to ask.
    ///
    /// # Errors
    /// The one who would have waited, when too many are under way.
    pub fn begin(&mut self, ask: Ask, renaming: Renaming, waits: W) -> Result<(), W> {
        if self.under_way.len() >= MOST_UNDER_WAY || self.under_way.contains_key(&ask) {
            return Err(waits);
        }
        let begun = UnderWay {
            renaming,
            askings: 0,
            waits,
        };
        self.under_way.insert(ask, begun);
        Ok(())
    }

    /// What to do about it now.
    pub fn next(&mut self, ask: Ask) -> Next<W> {
        let Some(mut errand) = self.under_way.remove(&ask) else {
            return Next::Over;
        };
        if errand.askings >= MOST_ASKINGS {
            return Next::GiveUp(errand.waits);
        }
        errand.askings += 1;
        let renaming = errand.renaming.clone();
        self.under_way.insert(ask, errand);
        Next::Ask(renaming)
    }

    /// An answer has come; who waits for it. Nobody does where another than the one that was asked answers, or after
    /// it was given up.
    pub fn answered(&mut self, from: InstanceId, ask: Ask) -> Option<W> {
        let asked = self.under_way.get(&ask)?.renaming.of;
        if asked != from {
            return None;
        }
        self.under_way.remove(&ask).map(|errand| errand.waits)
    }
}

/// The other half: what was asked of this server lately, and what came of it.
#[derive(Default)]
pub struct Served {
    errands: BTreeMap<(InstanceId, Ask), Errand>,
}

struct Errand {
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
    pub fn asked(&mut self, from: InstanceId, ask: Ask, now: Instant) -> Turn {
        if let Some(known) = self.errands.get(&(from, ask)) {
            return known.outcome.clone().map_or(Turn::Wait, Turn::Answer);
        }
        let running = self.errands.values().filter(|one| one.outcome.is_none());
        if running.count() >= MOST_RUNNING {
            return Turn::Answer(Err("it is busy with other such requests".to_owned()));
        }
        let errand = Errand {
            at: now,
            outcome: None,
        };
        self.errands.insert((from, ask), errand);
        // What is being run is never forgotten: it goes behind everything that is done.
        forget_oldest(&mut self.errands, MOST_SERVED, |errand| {
            (errand.outcome.is_none(), errand.at)
        });
        Turn::Run
    }

    /// It was run.
    pub fn ran(&mut self, from: InstanceId, ask: Ask, outcome: Outcome) {
        if let Some(errand) = self.errands.get_mut(&(from, ask)) {
            errand.outcome = Some(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: Ask = Ask(7);
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
        let mut errands = Errands::default();
        errands.begin(ASK, renaming(), "who waits").unwrap();
        for _ in 0..3 {
            assert_eq!(errands.next(ASK), Next::Ask(renaming()));
        }
        assert_eq!(errands.answered(InstanceId(3), ASK), None);
        assert_eq!(errands.answered(OTHER, Ask(8)), None);
        assert_eq!(errands.answered(OTHER, ASK), Some("who waits"));
        assert_eq!(errands.next(ASK), Next::Over);
        assert_eq!(errands.answered(OTHER, ASK), None, "the second answer");
    }

    #[test]
    fn without_an_answer_it_is_given_up_within_two_and_a_half_seconds() {
        let mut errands = Errands::default();
        errands.begin(ASK, renaming(), "who waits").unwrap();
        let mut waited = Duration::ZERO;
        while errands.next(ASK) == Next::Ask(renaming()) {
            waited += ASK_AGAIN;
        }
        assert!(waited < Duration::from_millis(2500), "{waited:?}");
        assert_eq!(errands.next(ASK), Next::Over);
    }

    #[test]
    fn so_many_may_be_under_way_and_no_more() {
        let mut errands = Errands::default();
        let begun = (0..100).filter(|n| errands.begin(Ask(*n), renaming(), *n).is_ok());
        assert_eq!(begun.count(), MOST_UNDER_WAY);
        assert_eq!(errands.answered(OTHER, Ask(3)), Some(3));
        assert_eq!(errands.begin(Ask(200), renaming(), 200), Ok(()));
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
            assert_eq!(served.asked(ONE, Ask(n), now), Turn::Run);
        }
        let busy = served.asked(ONE, Ask(1000), now);
        assert!(matches!(busy, Turn::Answer(Err(_))), "{busy:?}");
        served.ran(ONE, Ask(0), Ok(()));
        for n in 2000..3000 {
            let at = now + Duration::from_millis(n);
            assert_eq!(served.asked(ONE, Ask(n), at), Turn::Run);
            served.ran(ONE, Ask(n), Ok(()));
        }
        assert_eq!(served.errands.len(), MOST_SERVED);
        assert_eq!(served.asked(ONE, Ask(1), now), Turn::Wait);
    }
}

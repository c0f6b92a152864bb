//! Who answers at a port, asked without a pause: for measuring how long nobody, or somebody else,
//! did.
//!
//! A connection to a host that is gone hangs, so one visitor after the other would see little. Here
//! an attempt begins every [`STEP`] whatever became of those before it, each with a connection of
//! its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::client::{agent, answer};
use super::{Place, Role};
use crate::support::wait::eventually;

/// Between the beginnings of two attempts: the resolution of what is measured.
pub(crate) const STEP: Duration = Duration::from_millis(20);
/// Visitors who take turns; each is free again when its turn comes.
const VISITORS: u32 = 16;
/// The most that one attempt takes.
const PATIENCE: Duration = Duration::from_millis(300);

/// One visit that was answered with a status.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// When the visitor set out.
    pub(crate) asked_at: Instant,
    /// When it had the whole answer.
    pub(crate) at: Instant,
    /// Who answered.
    pub(crate) id: String,
    pub(crate) role: Role,
    pub(crate) term: u64,
}

/// The part of `/api/v1/status` that says who answers.
#[derive(Deserialize)]
struct Who {
    id: String,
    role: Role,
    term: u64,
}

/// Keeps a record of all answers for as long as it lives.
pub(crate) struct PortWatch {
    answers: Arc<Mutex<Vec<Answered>>>,
    stop: Arc<AtomicBool>,
    visitors: Vec<JoinHandle<()>>,
}

impl PortWatch {
    /// Sends visitors from this place to this URL of a status.
    pub(crate) fn start(place: &Place, url: &str) -> Self {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let start = Instant::now();
        let visitors = (0..VISITORS)
            .map(|number| {
                let (place, url) = (place.clone(), url.to_owned());
                let (answers, stop) = (Arc::clone(&answers), Arc::clone(&stop));
                let first = start + STEP * number;
                thread::spawn(move || place.run(|| visit(&url, first, &answers, &stop)))
            })
            .collect();
        Self {
            answers,
            stop,
            visitors,
        }
    }

    /// The answers to all who set out since `start`, in the order in which they came.
    pub(crate) fn answers_since(&self, start: Instant) -> Vec<Answered> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let since = answers.iter().filter(|answer| answer.asked_at >= start);
        since.cloned().collect()
    }

    /// The first answer of this kind to anybody who set out since `start`.
    #[track_caller]
    pub(crate) fn await_answer(
        &self,
        awaited: &str,
        start: Instant,
        limit: Duration,
        expected: impl Fn(&Answered) -> bool,
    ) -> Answered {
        eventually(awaited, limit, || {
            let answers = self.answers_since(start);
            let found = answers.iter().find(|answer| expected(answer));
            found.cloned().ok_or_else(|| match answers.last() {
                Some(last) => format!("{} answers, the last: {last:?}", answers.len()),
                None => "no answer".to_owned(),
            })
        })
    }
}

fn visit(url: &str, first: Instant, answers: &Mutex<Vec<Answered>>, stop: &AtomicBool) {
    let agent = agent(Some(PATIENCE));
    let mut turn = first;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(turn.saturating_duration_since(Instant::now()));
        let asked_at = Instant::now();
        let who = answer(agent.get(url).call())
            .ok()
            .filter(|answer| answer.status == 200)
            .and_then(|answer| answer.json::<Who>().ok());
        if let Some(Who { id, role, term }) = who {
            let at = Instant::now();
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.push(Answered {
                asked_at,
                at,
                id,
                role,
                term,
            });
        }
        // Late: the turns that went by are left out.
        let now = Instant::now();
        while turn <= now {
            turn += STEP * VISITORS;
        }
    }
}

impl Drop for PortWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for visitor in self.visitors.drain(..) {
            // How a visitor ended no longer matters.
            let _ = visitor.join();
        }
    }
}

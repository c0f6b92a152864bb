//! One thread that notices when an arbiter no longer runs its tasks.
//!
//! A panic is caught and an asynchronous job has its deadline, but a call that blocks an arbiter's
//! thread stops everything on it, its child runners too. Only another thread can notice, and only a
//! new process can help.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix::ArbiterHandle;

use super::channel::EventSender;
use super::event::Event;
use super::hang_detector::{HangDetector, Liveness};
use super::stop::StopToken;

/// Arbiters are checked for as long as this lives; dropping it ends the thread.
#[derive(Debug)]
pub struct Watchdog {
    limit: Duration,
    watched: Arc<Mutex<Vec<Watched>>>,
    stop: StopToken,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Watched {
    arbiter: &'static str,
    /// Held by the task that raises it, which an arbiter drops when it ends in order.
    beats: Weak<AtomicU64>,
    detector: HangDetector,
}

impl Watchdog {
    pub(super) fn start(limit: Duration, events: EventSender) -> io::Result<Self> {
        let watched = Arc::<Mutex<Vec<Watched>>>::default();
        let stop = StopToken::default();
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn({
            let (watched, stop) = (Arc::clone(&watched), stop.clone());
            move || {
                while !stop.wait(HangDetector::every(limit)) {
                    check(&watched, &events);
                }
            }
        })?;
        Ok(Self {
            limit,
            watched,
            stop,
            thread: Some(thread),
        })
    }

    /// Watches an arbiter from now on, until it ends.
    pub fn watch(&self, name: &'static str, arbiter: &ArbiterHandle) {
        let beats = Arc::new(AtomicU64::new(0));
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Watched {
                arbiter: name,
                beats: Arc::downgrade(&beats),
                detector: HangDetector::new(self.limit, 0),
            });
        let (every, stop) = (HangDetector::every(self.limit), self.stop.clone());
        // An arbiter that has ended drops the task at once, and with it the beats.
        arbiter.spawn(async move {
            while !stop.is_set() {
                beats.fetch_add(1, Ordering::Relaxed);
                // Twice per check: no check may fall between two heartbeats of an arbiter that
                // runs.
                tokio::time::sleep(every / 2).await;
            }
        });
    }
}

fn check(watched: &Mutex<Vec<Watched>>, events: &EventSender) {
    let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
    watched.retain_mut(|one| {
        let Some(beats) = one.beats.upgrade() else {
            return false;
        };
        if one.detector.check(beats.load(Ordering::Relaxed)) == Liveness::Hung {
            events.send(Event::ArbiterStuck {
                arbiter: one.arbiter,
                silent_for: one.detector.limit(),
            });
        }
        true
    });
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // It only sleeps on the token or looks at counters, so it ends at once.
            let _ = thread.join();
        }
    }
}

//! One thread that notices when an arbiter no longer turns.
//!
//! A panic is caught and an asynchronous job has its deadline, but a call that blocks an arbiter's
//! thread stops everything on it, its keepers too. Only another thread can notice, and only a new
//! process can help.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix::ArbiterHandle;

use super::channel::Sink;
use super::event::Event;
use super::silence::{Finding, Silence};
use super::stop::Stop;

/// Arbiters are checked for as long as this lives; dropping it ends the thread.
#[derive(Debug)]
pub struct Watchdog {
    limit: Duration,
    watched: Arc<Mutex<Vec<Watched>>>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Watched {
    arbiter: &'static str,
    /// Held by the task that raises it, which an arbiter drops when it ends in order.
    pulse: Weak<AtomicU64>,
    silence: Silence,
}

impl Watchdog {
    pub(super) fn start(limit: Duration, sink: Sink) -> io::Result<Self> {
        let watched = Arc::<Mutex<Vec<Watched>>>::default();
        let stop = Stop::default();
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn({
            let (watched, stop) = (Arc::clone(&watched), stop.clone());
            move || {
                while !stop.wait(Silence::every(limit)) {
                    check(&watched, &sink);
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
        let pulse = Arc::new(AtomicU64::new(0));
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Watched {
                arbiter: name,
                pulse: Arc::downgrade(&pulse),
                silence: Silence::new(self.limit, 0),
            });
        let (every, stop) = (Silence::every(self.limit), self.stop.clone());
        // An arbiter that has ended drops the task at once, and with it the pulse.
        arbiter.spawn(async move {
            while !stop.is_set() {
                pulse.fetch_add(1, Ordering::Relaxed);
                // Twice per check: no check may fall between two beats of an arbiter that turns.
                tokio::time::sleep(every / 2).await;
            }
        });
    }
}

fn check(watched: &Mutex<Vec<Watched>>, sink: &Sink) {
    let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
    watched.retain_mut(|one| {
        let Some(pulse) = one.pulse.upgrade() else {
            return false;
        };
        if one.silence.check(pulse.load(Ordering::Relaxed)) == Finding::Hung {
            sink.send(Event::ArbiterStuck {
                arbiter: one.arbiter,
                silent_for: one.silence.limit(),
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

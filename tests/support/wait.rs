//! Waiting for conditions, with time-outs that say what was awaited and what was seen last.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Between two looks at a condition. Long enough to leave a busy machine to the programs under
/// test.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks until `probe` gives a value; its error says what it saw instead.
///
/// # Panics
/// After `limit`, with what was awaited and the last thing seen.
#[track_caller]
pub(crate) fn eventually<T, E: Display>(
    what: &str,
    limit: Duration,
    probe: impl FnMut() -> Result<T, E>,
) -> T {
    eventually_every(PAUSE, what, limit, probe)
}

/// [`eventually`] with a pause of one's own, for what is measured.
#[track_caller]
pub(crate) fn eventually_every<T, E: Display>(
    pause: Duration,
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return value,
            Err(seen) if start.elapsed() >= limit => {
                panic!("not within {limit:?}: {what}; last seen: {seen}")
            }
            Err(_) => thread::sleep(pause),
        }
    }
}

/// A condition for [`eventually`] where what was seen is worth telling.
pub(crate) fn ensure(holds: bool, seen: impl Display) -> Result<(), String> {
    if holds { Ok(()) } else { Err(seen.to_string()) }
}

/// Looks at something again and again in the background while a test does its work.
pub(crate) struct Watch<T> {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<T>>>,
}

impl<T: Send + 'static> Watch<T> {
    /// Starts looking, with `pause` between two looks. `look` must have a time-out of its own.
    pub(crate) fn start(pause: Duration, mut look: impl FnMut() -> T + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut seen = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                seen.push(look());
                thread::sleep(pause);
            }
            seen
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Stops looking and gives all that was seen, the oldest first.
    pub(crate) fn finish(mut self) -> Vec<T> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .take()
            .expect("only finish and drop take it")
            .join()
            .expect("the watcher panicked")
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The test is over: how the watcher ended no longer matters.
            let _ = thread.join();
        }
    }
}

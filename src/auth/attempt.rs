//! Attempts to log in: the [`Throttle`] with the clock and the lock that it does without.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::lock::lock;
use super::throttle::{AttemptClass, AttemptOutcome, Throttle};
use crate::lan::ClientNetwork;

/// The throttle of this process. Copies share it.
#[derive(Clone)]
pub struct SharedThrottle(Arc<Mutex<Throttle>>);

/// An attempt that is under way. Dropped without [`Attempt::finish`] it was
/// [not checked](AttemptOutcome::Unchecked).
pub struct Attempt {
    throttle: SharedThrottle,
    from: IpAddr,
    class: AttemptClass,
    outcome: AttemptOutcome,
}

impl SharedThrottle {
    /// Nobody has tried yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Throttle::new(Instant::now()))))
    }

    /// How long nothing is listened to from this address; none where it need not wait.
    pub fn wait(&self, from: IpAddr) -> Option<Duration> {
        lock(&self.0).wait(from, Instant::now())
    }

    /// Whether attempts from there spend nothing of the budget of all strangers.
    pub fn is_exempt(&self, from: IpAddr, network: ClientNetwork) -> bool {
        lock(&self.0).is_exempt(from, network, Instant::now())
    }

    /// An attempt begins.
    ///
    /// # Errors
    /// How long it has to wait instead.
    pub fn begin(&self, from: IpAddr, network: ClientNetwork) -> Result<Attempt, Duration> {
        let class = lock(&self.0).begin(from, network, Instant::now())?;
        Ok(Attempt {
            throttle: self.clone(),
            from,
            class,
            outcome: AttemptOutcome::Unchecked,
        })
    }

    /// An attempt that was wrong as soon as it came.
    ///
    /// # Errors
    /// How long it had to wait instead.
    pub fn record_failure(&self, from: IpAddr, network: ClientNetwork) -> Result<(), Duration> {
        let mut throttle = lock(&self.0);
        let now = Instant::now();
        let class = throttle.begin(from, network, now)?;
        throttle.end(from, class, AttemptOutcome::Wrong, now);
        Ok(())
    }
}

impl Attempt {
    /// Whether it is a stranger's.
    pub fn class(&self) -> AttemptClass {
        self.class
    }

    /// Ends it with what came out.
    pub fn finish(mut self, outcome: AttemptOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut throttle = lock(&self.throttle.0);
        throttle.end(self.from, self.class, self.outcome, Instant::now());
    }
}

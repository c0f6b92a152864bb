//! Deadlines for what an actor does asynchronously: a job that outlives its limit makes its child
//! runner treat the actor as crashed. (The watchdog notices what blocks the thread itself.)

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

/// Jobs one actor may have under way at a time; those beyond it are not watched.
const MAX_JOBS: usize = 64;

/// Where an actor registers the jobs that it waits for. Clones share the bookkeeping.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    jobs: Mutex<Jobs>,
    child_runner: AtomicWaker,
}

/// The jobs under way in the present incarnation.
#[derive(Debug, Default)]
struct Jobs {
    under_way: Vec<UnderWay>,
    /// Never used twice, so what an earlier incarnation began can neither end nor outlive a job of
    /// this one.
    next_id: u64,
}

#[derive(Debug)]
struct UnderWay {
    id: u64,
    name: &'static str,
    limit: Duration,
    deadline: Instant,
}

/// A job that outlived its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overdue {
    pub(super) name: &'static str,
    pub(super) limit: Duration,
}

impl Jobs {
    /// Begins a job, unless there are too many or its deadline is beyond what a clock can say.
    fn begin(&mut self, name: &'static str, limit: Duration, now: Instant) -> Option<u64> {
        let deadline = now.checked_add(limit)?;
        if self.under_way.len() >= MAX_JOBS {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.under_way.push(UnderWay {
            id,
            name,
            limit,
            deadline,
        });
        Some(id)
    }

    fn end(&mut self, id: u64) {
        self.under_way.retain(|job| job.id != id);
    }

    fn earliest(&self) -> Option<Instant> {
        self.under_way.iter().map(|job| job.deadline).min()
    }

    fn overdue(&self, now: Instant) -> Option<Overdue> {
        let job = self.under_way.iter().min_by_key(|job| job.deadline)?;
        (job.deadline <= now).then_some(Overdue {
            name: job.name,
            limit: job.limit,
        })
    }
}

impl Progress {
    /// Begins a job that has to end within `limit`. It ends when the returned guard is dropped, so
    /// the guard belongs into the future that does the work.
    ///
    /// An actor has at most 64 jobs under way; further ones are done, but not watched.
    pub fn job(&self, name: &'static str, limit: Duration) -> Job {
        let (id, sooner) = {
            let mut jobs = self.jobs();
            let before = jobs.earliest();
            let id = jobs.begin(name, limit, now());
            (id, before.is_none() || jobs.earliest() < before)
        };
        if sooner {
            self.0.child_runner.wake();
        }
        if id.is_none() {
            tracing::warn!(
                job = name,
                "too many jobs under way: this one is not watched"
            );
        }
        Job {
            progress: self.clone(),
            id,
        }
    }

    /// Forgets the jobs of the incarnation that ended. Their guards, dropped late, end nothing.
    pub(super) fn new_incarnation(&self) {
        self.jobs().under_way.clear();
    }

    /// When the next job is overdue.
    pub(super) fn earliest(&self) -> Option<Instant> {
        self.jobs().earliest()
    }

    /// The job that is overdue, if one is.
    pub(super) fn overdue(&self) -> Option<Overdue> {
        self.jobs().overdue(now())
    }

    /// Has `child_runner` woken when a job begins whose deadline is sooner than all others.
    pub(super) fn wake_on_sooner(&self, child_runner: &Waker) {
        self.0.child_runner.register(child_runner);
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tokio's clock, which a simulation can turn by hand.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// A job under way; dropping it ends the job.
#[derive(Debug)]
#[must_use = "the job ends when this is dropped"]
pub struct Job {
    progress: Progress,
    id: Option<u64>,
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.progress.jobs().end(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_job_with_the_nearest_deadline_is_overdue_first() {
        let mut jobs = Jobs::default();
        let start = Instant::now();
        jobs.begin("slow", 9 * SECOND, start);
        let quick = jobs.begin("quick", SECOND, start).unwrap();
        assert_eq!(jobs.earliest(), Some(start + SECOND));
        assert_eq!(jobs.overdue(start), None);
        assert_eq!(
            jobs.overdue(start + SECOND),
            Some(Overdue {
                name: "quick",
                limit: SECOND
            })
        );
        jobs.end(quick);
        assert_eq!(jobs.overdue(start + SECOND), None);
        assert_eq!(
            jobs.overdue(start + 9 * SECOND).map(|job| job.name),
            Some("slow")
        );
    }

    #[test]
    fn a_guard_of_an_earlier_incarnation_ends_nothing_in_this_one() {
        let progress = Progress::default();
        let old = progress.job("old", SECOND);
        progress.new_incarnation();
        assert_eq!(progress.earliest(), None);
        let new = progress.job("new", SECOND);
        drop(old);
        assert!(progress.earliest().is_some());
        drop(new);
        assert_eq!(progress.earliest(), None);
    }

    #[test]
    fn the_bookkeeping_is_bounded_and_recovers() {
        let progress = Progress::default();
        let guards: Vec<_> = (0..2 * MAX_JOBS)
            .map(|_| progress.job("many", SECOND))
            .collect();
        assert_eq!(progress.jobs().under_way.len(), MAX_JOBS);
        drop(guards);
        assert_eq!(progress.earliest(), None);
        let _endless = progress.job("endless", Duration::MAX);
        assert_eq!(progress.earliest(), None);
    }
}

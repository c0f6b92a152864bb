//! Who is watching: the count that opens and closes the camera, and a viewer's way to the newest
//! picture.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::frame::Jpeg;
use super::slot::PictureSlot;

/// Viewers at the same time when nothing else is said.
pub const MOST_VIEWERS: usize = 64;

/// As many watch already as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{most} viewers are watching already, and more cannot be served well")]
pub struct TooManyViewers {
    /// The limit.
    pub most: usize,
}

/// Where the capture thread waits for viewers. One per camera, shared with [`Viewing`].
pub struct Audience {
    seats: Mutex<Seats>,
    came: Condvar,
    most: usize,
}

struct Seats {
    taken: usize,
    /// When the last one left.
    empty_since: Instant,
}

impl Audience {
    /// Nobody watches yet; at most `most` ever will at a time.
    pub fn new(most: usize) -> Self {
        Self {
            seats: Mutex::new(Seats {
                taken: 0,
                empty_since: Instant::now(),
            }),
            came: Condvar::new(),
            most,
        }
    }

    /// How many watch now.
    pub fn viewers(&self) -> usize {
        self.lock().taken
    }

    /// Waits until somebody watches, at most `timeout`; whether somebody does.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let (seats, _) = self
            .came
            .wait_timeout_while(self.lock(), timeout, |seats| seats.taken == 0)
            .unwrap_or_else(PoisonError::into_inner);
        seats.taken > 0
    }

    /// How long nobody has watched; zero while somebody does.
    pub fn empty_for(&self) -> Duration {
        let seats = self.lock();
        if seats.taken > 0 {
            Duration::ZERO
        } else {
            seats.empty_since.elapsed()
        }
    }

    fn sit(&self) -> Result<(), TooManyViewers> {
        let mut seats = self.lock();
        if seats.taken >= self.most {
            return Err(TooManyViewers { most: self.most });
        }
        seats.taken += 1;
        self.came.notify_all();
        Ok(())
    }

    fn leave(&self) {
        let mut seats = self.lock();
        seats.taken = seats.taken.saturating_sub(1);
        if seats.taken == 0 {
            seats.empty_since = Instant::now();
        }
    }

    /// Two plain stores under the lock: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to watch one camera; handed to the web server, cheap to clone.
#[derive(Clone)]
pub struct Viewing {
    audience: Arc<Audience>,
    pictures: Arc<PictureSlot>,
}

impl Viewing {
    /// Viewers of `pictures`, counted in `audience`.
    pub fn new(audience: Arc<Audience>, pictures: Arc<PictureSlot>) -> Self {
        Self { audience, pictures }
    }

    /// Takes a seat; the camera opens with the first. Drop the viewer to give the seat back.
    ///
    /// # Errors
    /// [`TooManyViewers`].
    pub fn join(&self) -> Result<Viewer, TooManyViewers> {
        self.audience.sit()?;
        Ok(Viewer {
            pictures: self.pictures.watch(),
            seen: 0,
            _seat: Seat(self.audience.clone()),
        })
    }

    /// How many watch now.
    pub fn viewers(&self) -> usize {
        self.audience.viewers()
    }
}

/// One viewer. The camera stays open as long as it lives.
pub struct Viewer {
    pictures: watch::Receiver<Option<Arc<Jpeg>>>,
    seen: u64,
    _seat: Seat,
}

impl Viewer {
    /// The newest picture, once it is newer than the last one returned; the first time, whatever
    /// there is. Nothing when the camera is shut down for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<Jpeg>> {
        loop {
            let newest = self.pictures.borrow_and_update().clone();
            if let Some(picture) = newest.filter(|p| p.sequence > self.seen) {
                self.seen = picture.sequence;
                return Some(picture);
            }
            self.pictures.changed().await.ok()?;
        }
    }
}

struct Seat(Arc<Audience>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::frame::PictureKind;
    use crate::slot::Picture;

    fn viewing(most: usize) -> (Arc<Audience>, Arc<PictureSlot>, Viewing) {
        let (audience, pictures) = (Arc::new(Audience::new(most)), Arc::new(PictureSlot::new()));
        let viewing = Viewing::new(audience.clone(), pictures.clone());
        (audience, pictures, viewing)
    }

    fn picture() -> Picture {
        Picture {
            bytes: bytes::Bytes::from_static(b"jpeg"),
            width: 1,
            height: 1,
            captured_at: SystemTime::now(),
            captured: Instant::now(),
            kind: PictureKind::Live,
        }
    }

    #[test]
    fn a_viewer_counts_while_it_lives() {
        let (audience, _, viewing) = viewing(2);
        assert!(!audience.wait(Duration::ZERO));
        let (first, second) = (viewing.join().unwrap(), viewing.join().unwrap());
        assert_eq!(viewing.join().err(), Some(TooManyViewers { most: 2 }));
        assert!(audience.wait(Duration::ZERO));
        drop(first);
        assert_eq!(
            (viewing.viewers(), audience.empty_for()),
            (1, Duration::ZERO)
        );
        drop(second);
        assert_eq!(viewing.viewers(), 0);
        assert!(viewing.join().is_ok());
    }

    #[tokio::test]
    async fn a_viewer_sees_each_picture_once_and_misses_what_came_between() {
        let (_, pictures, viewing) = viewing(2);
        let mut viewer = viewing.join().unwrap();
        let session = pictures.begin();
        pictures.publish(session, picture());
        assert_eq!(viewer.next().await.unwrap().sequence, 1);
        for _ in 0..3 {
            pictures.publish(session, picture());
        }
        assert_eq!(viewer.next().await.unwrap().sequence, 4);
        let waits = tokio::time::timeout(Duration::from_millis(1), viewer.next()).await;
        assert!(waits.is_err(), "nothing newer has come");
    }

    #[tokio::test]
    async fn a_viewer_who_comes_later_begins_with_the_picture_that_is_there() {
        let (_, pictures, viewing) = viewing(2);
        let session = pictures.begin();
        pictures.publish(session, picture());
        let mut viewer = viewing.join().unwrap();
        assert_eq!(viewer.next().await.unwrap().sequence, 1);
    }
}

//! The viewers: their count, which opens and closes the camera, and their way to the newest
//! picture.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::frame::Picture;
use super::slot::PictureSlot;

/// Viewers at the same time when nothing else is said. More than the web server has seats for:
/// whoever has lost one is here for a moment yet.
pub const MAX_VIEWERS: usize = 96;

/// As many watch already as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{most} viewers are watching already, and more cannot be served well")]
pub struct TooManyViewers {
    /// How many viewers may watch at a time.
    pub most: usize,
}

/// Counts the viewers of one camera; the capture thread waits here for the first. Shared with
/// [`PictureFeed`].
pub struct ViewerCount {
    count: Mutex<Count>,
    first_came: Condvar,
    max: usize,
}

struct Count {
    viewers: usize,
    /// When the last one left.
    none_since: Instant,
}

impl ViewerCount {
    /// Nobody watches yet; at most `max` ever will at a time.
    pub fn new(max: usize) -> Self {
        Self {
            count: Mutex::new(Count {
                viewers: 0,
                none_since: Instant::now(),
            }),
            first_came: Condvar::new(),
            max,
        }
    }

    /// How many watch now.
    pub fn viewers(&self) -> usize {
        self.lock().viewers
    }

    /// Waits until somebody watches, at most `timeout`; whether somebody does.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let (count, _) = self
            .first_came
            .wait_timeout_while(self.lock(), timeout, |count| count.viewers == 0)
            .unwrap_or_else(PoisonError::into_inner);
        count.viewers > 0
    }

    /// How long nobody has watched; zero while somebody does.
    pub fn idle_for(&self) -> Duration {
        let count = self.lock();
        if count.viewers > 0 {
            Duration::ZERO
        } else {
            count.none_since.elapsed()
        }
    }

    fn increment(&self) -> Result<(), TooManyViewers> {
        let mut count = self.lock();
        if count.viewers >= self.max {
            return Err(TooManyViewers { most: self.max });
        }
        count.viewers += 1;
        self.first_came.notify_all();
        Ok(())
    }

    fn decrement(&self) {
        let mut count = self.lock();
        count.viewers = count.viewers.saturating_sub(1);
        if count.viewers == 0 {
            count.none_since = Instant::now();
        }
    }

    /// Two plain stores under the lock: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pictures of one camera, for any number of viewers up to a limit. Cheap to clone.
#[derive(Clone)]
pub struct PictureFeed {
    viewer_count: Arc<ViewerCount>,
    pictures: Arc<PictureSlot>,
}

impl PictureFeed {
    /// Hands out `pictures`, and counts who takes them in `viewer_count`.
    pub fn new(viewer_count: Arc<ViewerCount>, pictures: Arc<PictureSlot>) -> Self {
        Self {
            viewer_count,
            pictures,
        }
    }

    /// One more viewer; the camera opens with the first. It stops counting when it is dropped.
    ///
    /// # Errors
    /// [`TooManyViewers`].
    pub fn subscribe(&self) -> Result<Viewer, TooManyViewers> {
        self.viewer_count.increment()?;
        Ok(Viewer {
            pictures: self.pictures.watch(),
            last_seen: 0,
            _counted: Counted(self.viewer_count.clone()),
        })
    }

    /// How many watch now.
    pub fn viewers(&self) -> usize {
        self.viewer_count.viewers()
    }
}

/// One viewer. The camera stays open as long as this exists.
pub struct Viewer {
    pictures: watch::Receiver<Option<Arc<Picture>>>,
    /// [`Picture::sequence`] of the last picture returned.
    last_seen: u64,
    _counted: Counted,
}

impl Viewer {
    /// The newest picture, once it is newer than the last one returned; the first time, whatever
    /// there is. Nothing when the camera is shut down for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<Picture>> {
        loop {
            let newest = self.pictures.borrow_and_update().clone();
            if let Some(picture) = newest.filter(|p| p.sequence > self.last_seen) {
                self.last_seen = picture.sequence;
                return Some(picture);
            }
            self.pictures.changed().await.ok()?;
        }
    }
}

/// One in the count, until it is dropped.
struct Counted(Arc<ViewerCount>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement();
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::frame::PictureKind;
    use crate::slot::NewPicture;

    fn feed(max: usize) -> (Arc<ViewerCount>, Arc<PictureSlot>, PictureFeed) {
        let (viewer_count, pictures) = (
            Arc::new(ViewerCount::new(max)),
            Arc::new(PictureSlot::new()),
        );
        let feed = PictureFeed::new(viewer_count.clone(), pictures.clone());
        (viewer_count, pictures, feed)
    }

    fn picture() -> NewPicture {
        NewPicture {
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
        let (viewer_count, _, feed) = feed(2);
        assert!(!viewer_count.wait(Duration::ZERO));
        let (first, second) = (feed.subscribe().unwrap(), feed.subscribe().unwrap());
        assert_eq!(feed.subscribe().err(), Some(TooManyViewers { most: 2 }));
        assert!(viewer_count.wait(Duration::ZERO));
        drop(first);
        assert_eq!(
            (feed.viewers(), viewer_count.idle_for()),
            (1, Duration::ZERO)
        );
        drop(second);
        assert_eq!(feed.viewers(), 0);
        assert!(feed.subscribe().is_ok());
    }

    #[tokio::test]
    async fn a_viewer_sees_each_picture_once_and_misses_what_came_between() {
        let (_, pictures, feed) = feed(2);
        let mut viewer = feed.subscribe().unwrap();
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
        let (_, pictures, feed) = feed(2);
        let session = pictures.begin();
        pictures.publish(session, picture());
        let mut viewer = feed.subscribe().unwrap();
        assert_eq!(viewer.next().await.unwrap().sequence, 1);
    }
}

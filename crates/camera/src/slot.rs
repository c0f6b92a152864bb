//! The two slots between threads: one for the newest frame, one for the newest picture. What comes
//! later takes the place of what is there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::sync::watch;

use super::frame::{Picture, PictureKind, RawFrame};

/// Tells one opening of the source from the next. What was captured in an earlier one is never
/// shown in a later one: neither a frame that was in the encoder when the camera went away, nor one
/// from before a long idle time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureSession(u64);

/// What [`FrameSlot::put`] did with the frame before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The slot was empty.
    Stored,
    /// The encoder had not come for the frame before: it is gone.
    Overwrote,
}

/// The newest frame, from the capture thread to an encoder thread.
#[derive(Default)]
pub struct FrameSlot {
    frame: Mutex<Option<(CaptureSession, RawFrame)>>,
    frame_put: Condvar,
}

impl FrameSlot {
    /// An empty slot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a frame in, over one that nobody took.
    pub fn put(&self, session: CaptureSession, frame: RawFrame) -> PutOutcome {
        let before = self.lock().replace((session, frame));
        self.frame_put.notify_one();
        before.map_or(PutOutcome::Stored, |_| PutOutcome::Overwrote)
    }

    /// Takes the frame out, waiting for one at most `timeout`; `None` when there was none.
    pub fn take(&self, timeout: Duration) -> Option<(CaptureSession, RawFrame)> {
        let (mut slot, _) = self
            .frame_put
            .wait_timeout_while(self.lock(), timeout, |frame| frame.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        slot.take()
    }

    /// Drops the frame, if any: its memory is of no use while the camera is closed.
    pub fn clear(&self) {
        self.lock().take();
    }

    /// One store under the lock cannot be half done, so a panic elsewhere does not spoil the slot.
    fn lock(&self) -> MutexGuard<'_, Option<(CaptureSession, RawFrame)>> {
        self.frame.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A picture on its way into the [`PictureSlot`], which numbers it.
#[derive(Clone, Debug)]
pub struct NewPicture {
    /// The whole JPEG file.
    pub bytes: Bytes,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels (lines).
    pub height: u32,
    /// When the frame was captured, or the placeholder drawn.
    pub captured_at: SystemTime,
    /// The same moment on the monotonic clock.
    pub captured: Instant,
    /// Live or drawn.
    pub kind: PictureKind,
}

/// What [`PictureSlot::publish`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Every viewer sees it.
    Shown,
    /// Dropped: its session has ended, or a picture captured later is already there.
    TooLate,
}

/// The newest JPEG, from the encoder threads to any number of viewers.
pub struct PictureSlot {
    newest: watch::Sender<Option<Arc<Picture>>>,
    // Both change only under the lock of `newest`.
    session: AtomicU64,
    published: AtomicU64,
}

impl Default for PictureSlot {
    fn default() -> Self {
        Self::new()
    }
}

impl PictureSlot {
    /// An empty slot.
    pub fn new() -> Self {
        Self {
            newest: watch::Sender::new(None),
            session: AtomicU64::new(0),
            published: AtomicU64::new(0),
        }
    }

    /// Begins a session: pictures of the ones before are refused from now on. The one that is
    /// there stays, so that viewers keep a picture while the camera is opened again.
    pub fn begin(&self) -> CaptureSession {
        let mut session = 0;
        self.newest.send_if_modified(|_| {
            session = self.session.fetch_add(1, Ordering::Relaxed) + 1;
            false
        });
        CaptureSession(session)
    }

    /// Ends the session and removes the picture: the next viewer waits for a fresh one.
    pub fn clear(&self) {
        self.newest.send_if_modified(|newest| {
            self.session.fetch_add(1, Ordering::Relaxed);
            newest.take().is_some()
        });
    }

    /// Shows a picture to all viewers, unless it comes too late.
    pub fn publish(&self, session: CaptureSession, picture: NewPicture) -> Published {
        let shown = self.newest.send_if_modified(|newest| {
            let ended = self.session.load(Ordering::Relaxed) != session.0;
            // Two encoder threads may finish in the other order than the frames came.
            let overtaken = newest
                .as_ref()
                .is_some_and(|n| n.captured > picture.captured);
            if ended || overtaken {
                return false;
            }
            *newest = Some(Arc::new(Picture {
                bytes: picture.bytes,
                width: picture.width,
                height: picture.height,
                captured_at: picture.captured_at,
                captured: picture.captured,
                sequence: self.published.fetch_add(1, Ordering::Relaxed) + 1,
                kind: picture.kind,
            }));
            true
        });
        if shown {
            Published::Shown
        } else {
            Published::TooLate
        }
    }

    /// Follows the slot from now on.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Picture>>> {
        self.newest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{FrameFormat, PixelFormat};

    fn frame(sequence: u64) -> RawFrame {
        RawFrame {
            format: FrameFormat::tight(PixelFormat::Grey, 1, 1),
            data: Bytes::from_static(b"x"),
            captured_at: SystemTime::now(),
            captured: Instant::now(),
            sequence,
        }
    }

    fn picture(captured: Instant) -> NewPicture {
        NewPicture {
            bytes: Bytes::from_static(b"jpeg"),
            width: 1,
            height: 1,
            captured_at: SystemTime::now(),
            captured,
            kind: PictureKind::Live,
        }
    }

    #[test]
    fn the_newest_frame_wins() {
        let slot = FrameSlot::new();
        assert_eq!(slot.put(CaptureSession(1), frame(1)), PutOutcome::Stored);
        assert_eq!(slot.put(CaptureSession(1), frame(2)), PutOutcome::Overwrote);
        let (_, taken) = slot.take(Duration::ZERO).unwrap();
        assert_eq!(taken.sequence, 2);
        assert!(slot.take(Duration::ZERO).is_none());
    }

    #[test]
    fn a_waiting_encoder_is_woken_by_the_frame() {
        let slot = Arc::new(FrameSlot::new());
        let encoder = std::thread::spawn({
            let slot = slot.clone();
            move || slot.take(Duration::from_mins(1)).map(|(_, f)| f.sequence)
        });
        slot.put(CaptureSession(1), frame(7));
        assert_eq!(encoder.join().unwrap(), Some(7));
    }

    #[test]
    fn a_picture_of_an_ended_session_is_never_shown() {
        let slot = PictureSlot::new();
        let old = slot.begin();
        slot.clear();
        assert_eq!(
            slot.publish(old, picture(Instant::now())),
            Published::TooLate
        );
        assert!(slot.watch().borrow().is_none());
        let new = slot.begin();
        assert_eq!(slot.publish(new, picture(Instant::now())), Published::Shown);
        assert_eq!(
            slot.publish(old, picture(Instant::now())),
            Published::TooLate
        );
    }

    #[test]
    fn a_picture_overtaken_by_a_later_one_is_dropped() {
        let slot = PictureSlot::new();
        let session = slot.begin();
        let early = Instant::now();
        let late = early + Duration::from_millis(33);
        assert_eq!(slot.publish(session, picture(late)), Published::Shown);
        assert_eq!(slot.publish(session, picture(early)), Published::TooLate);
        assert_eq!(slot.watch().borrow().as_ref().unwrap().sequence, 1);
    }
}

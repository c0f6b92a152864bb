//! The capture loop: waits for viewers, opens the source, and puts its frames into the raw slot.
//!
//! It never dies of a camera. What fails is told on a drawn placeholder, and the source is opened
//! again after a back-off, for as long as somebody watches. No wait is longer than [`POLL`], and
//! before each one the owner is asked whether to go on: that call is also the sign of life.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use porthole_backoff::Backoff;
use tokio::sync::watch;

use super::control_queue::ControlQueue;
use super::format::PixelFormat;
use super::frame::{PictureKind, RawFrame};
use super::jpeg::{Encoder, Quality};
use super::mjpeg::{self, Fault};
use super::observe::{CameraHealth, CameraObserver, Device, Discard};
use super::placeholder;
use super::settings::CameraSettings;
use super::slot::{Picture, PictureSlot, Put, RawSlot, Session};
use super::source::{Opener, Source, SourceError, Wanted};
use super::viewing::Audience;

/// The longest wait between two looks at the stop token.
pub const POLL: Duration = Duration::from_millis(200);
/// A source that sends nothing for so long is closed and opened again.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// So many bad frames in a row are a broken source, not a bad cable.
const BAD_IN_A_ROW: u32 = 60;
/// A placeholder is shown again so often, with the time of now.
const PLACEHOLDER_EVERY: Duration = Duration::from_secs(1);
/// Pauses between attempts to open the source.
const OPEN_AGAIN: Backoff =
    match Backoff::new(Duration::from_millis(500), Duration::from_secs(4), 0) {
        Ok(backoff) => backoff,
        Err(_) => panic!("the pauses are in order"),
    };

/// All that the capture loop works with.
pub struct Capture {
    /// The name on placeholders.
    pub name: watch::Receiver<String>,
    /// Opens the camera.
    pub opener: Box<dyn Opener>,
    /// Who watches.
    pub audience: Arc<Audience>,
    /// Where frames go.
    pub raw: Arc<RawSlot>,
    /// Where placeholders go.
    pub pictures: Arc<PictureSlot>,
    /// Where the state of the camera is told.
    pub health: watch::Sender<CameraHealth>,
    /// What people ask for.
    pub settings: watch::Receiver<CameraSettings>,
    /// Where it is told that the camera has been opened.
    pub control_queue: Arc<ControlQueue>,
    /// Counts.
    pub observer: Arc<dyn CameraObserver>,
    /// Size of the last picture, which placeholders take over; begin with `None`.
    pub last_size: Option<(u32, u32)>,
}

/// Why an open source was closed.
enum Closed {
    /// Nobody watches any more, or the owner stops the loop.
    Unwanted,
    /// Other size or rate asked for.
    Changed,
    /// It failed, after so many good frames.
    Failed(SourceError, u64),
}

impl Capture {
    /// Runs until `keep_going` says no; it is asked at least every 250 ms, except while the source
    /// is being opened. Blocks; meant for a thread of its own, and may be called again after a
    /// panic.
    pub fn run(&mut self, keep_going: &dyn Fn() -> bool) {
        while keep_going() {
            // Cleared before it is told: who comes because the camera rests must not see an old
            // picture.
            self.pictures.clear();
            self.raw.clear();
            self.observer.device(Device::Down);
            self.health.send_replace(CameraHealth::Idle);
            while keep_going() && !self.audience.wait(POLL) {}
            if keep_going() {
                self.run_while_viewed(keep_going);
            }
        }
        self.pictures.clear();
        self.raw.clear();
    }

    /// From the first viewer until `idle_close` after the last.
    fn run_while_viewed(&mut self, keep_going: &dyn Fn() -> bool) {
        let mut failures = 0;
        while self.is_wanted(keep_going) {
            let wanted = self.settings.borrow_and_update().wanted;
            if failures == 0 {
                self.health.send_replace(CameraHealth::Starting);
            }
            let closed = match self.opener.open(&wanted) {
                Ok(source) => self.stream(source, &wanted, keep_going),
                Err(error) => Closed::Failed(error, 0),
            };
            self.observer.device(Device::Down);
            match closed {
                Closed::Unwanted => return,
                Closed::Changed => failures = 0,
                Closed::Failed(error, frames) => {
                    if frames > 0 {
                        failures = 0;
                    }
                    failures += 1;
                    let pause = OPEN_AGAIN.after(failures, 0);
                    self.show_placeholder(&error, &wanted, pause, keep_going);
                }
            }
        }
    }

    /// Moves frames from an open source into the slot. Dropping the source at the end releases the
    /// device.
    fn stream(
        &mut self,
        mut source: Box<dyn Source>,
        wanted: &Wanted,
        keep_going: &dyn Fn() -> bool,
    ) -> Closed {
        let session = self.pictures.begin();
        let description = source.describe();
        let opened = source.format();
        tracing::info!(format = %opened, source = %description, "camera open");
        self.observer.device(Device::Up);
        self.control_queue.opened();
        let mut rate = Rate::new();
        let (mut good, mut bad) = (0, 0);
        let mut last_good = Instant::now();
        loop {
            if !self.is_wanted(keep_going) {
                return Closed::Unwanted;
            }
            if self.settings.borrow().wanted != *wanted {
                return Closed::Changed;
            }
            let frame = match source.next_frame(POLL) {
                Ok(Some(frame)) => frame,
                Ok(None) if last_good.elapsed() < SILENT_AFTER => continue,
                Ok(None) => {
                    let after = last_good.elapsed();
                    return Closed::Failed(SourceError::Silent { after }, good);
                }
                Err(error) => return Closed::Failed(error, good),
            };
            self.observer.captured();
            let size = match examine(&frame) {
                Ok(size) => size,
                Err(why) => {
                    self.observer.discarded(why);
                    bad += 1;
                    if bad >= BAD_IN_A_ROW {
                        let what = format!("{bad} frames in a row were {}", why.word());
                        return Closed::Failed(SourceError::Broken { what }, good);
                    }
                    continue;
                }
            };
            (good, bad) = (good + 1, 0);
            last_good = Instant::now();
            let fps = rate.count(last_good);
            if fps.is_some() || good == 1 || self.last_size != Some(size) {
                self.health.send_replace(CameraHealth::Live {
                    width: size.0,
                    height: size.1,
                    fps: fps.unwrap_or(0.0),
                    description: description.clone(),
                });
            }
            self.last_size = Some(size);
            if self.raw.put(session, frame) == Put::Overwrote {
                self.observer.discarded(Discard::Overwritten);
            }
        }
    }

    /// Shows why there is no picture, and waits for `pause` or a reason to try sooner.
    fn show_placeholder(
        &mut self,
        error: &SourceError,
        wanted: &Wanted,
        pause: Duration,
        keep_going: &dyn Fn() -> bool,
    ) {
        let reason = error.to_string();
        tracing::warn!(%reason, again_in = ?pause, "no picture from the camera");
        self.raw.clear();
        let session = self.pictures.begin();
        let (width, height) = self.last_size.unwrap_or((wanted.width, wanted.height));
        let drawn = placeholder::draw(width, height, &self.name.borrow(), &reason)
            .map(|frame| (Encoder::new().encode(&frame, Quality::STREAM), frame.format));
        self.health.send_replace(CameraHealth::Failed { reason });
        let began = Instant::now();
        let mut shown: Option<Instant> = None;
        while self.is_wanted(keep_going) && began.elapsed() < pause {
            if self.settings.borrow().wanted != *wanted {
                return;
            }
            if let Some((Ok(bytes), format)) = &drawn
                && shown.is_none_or(|at| at.elapsed() >= PLACEHOLDER_EVERY)
            {
                self.show(session, bytes.clone(), (format.width, format.height));
                shown = Some(Instant::now());
            }
            std::thread::sleep(POLL.min(pause.saturating_sub(began.elapsed())));
        }
    }

    fn show(&self, session: Session, bytes: bytes::Bytes, (width, height): (u32, u32)) {
        let picture = Picture {
            bytes,
            width,
            height,
            captured_at: SystemTime::now(),
            captured: Instant::now(),
            kind: PictureKind::Placeholder,
        };
        self.pictures.publish(session, picture);
    }

    fn is_wanted(&self, keep_going: &dyn Fn() -> bool) -> bool {
        // Ask for the sign of life in any case.
        keep_going() && self.audience.empty_for() <= self.settings.borrow().idle_close
    }
}

/// The size of a frame that can be shown.
fn examine(frame: &RawFrame) -> Result<(u32, u32), Discard> {
    if frame.format.pixel == PixelFormat::Mjpeg {
        return match mjpeg::inspect(&frame.data) {
            Ok(layout) => Ok((layout.width, layout.height)),
            Err(Fault::Truncated) => Err(Discard::Truncated),
            Err(Fault::NotJpeg) => Err(Discard::Malformed),
        };
    }
    let whole = frame.format.frame_bytes();
    if frame.format.is_sound() && whole.is_some_and(|bytes| frame.data.len() >= bytes) {
        Ok((frame.format.width, frame.format.height))
    } else {
        Err(Discard::Malformed)
    }
}

/// Frames per second, over windows of a second.
struct Rate {
    since: Instant,
    frames: u32,
}

impl Rate {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            frames: 0,
        }
    }

    /// Counts a frame; the rate once a window is full.
    fn count(&mut self, now: Instant) -> Option<f32> {
        self.frames += 1;
        let window = now.duration_since(self.since);
        if window < Duration::from_secs(1) {
            return None;
        }
        let fps = self.frames as f32 / window.as_secs_f32();
        *self = Self {
            since: now,
            frames: 0,
        };
        Some(fps)
    }
}

#[cfg(test)]
#[path = "capture_tests.rs"]
mod tests;

//! The capture loop: waits for viewers, opens the source, and puts its frames into the frame slot.
//!
//! A camera that fails never ends it. The reason is shown on a drawn placeholder, and the source is
//! opened again after a back-off, for as long as somebody watches. No wait is longer than 200 ms,
//! and before each one the owner is asked whether to go on: that call is also the sign of life.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use porthole_backoff::Backoff;
use tokio::sync::watch;

use super::format::PixelFormat;
use super::frame::{PictureKind, RawFrame};
use super::jpeg::{Encoder, Quality};
use super::mjpeg::{self, MjpegError};
use super::observe::{CameraHealth, CameraObserver, DeviceStatus, Discard};
use super::placeholder;
use super::poll::POLL_INTERVAL;
use super::settings::CameraSettings;
use super::slot::{CaptureSession, FrameSlot, NewPicture, PictureSlot, PutOutcome};
use super::source::{RequestedMode, Source, SourceError, SourceOpener};
use super::viewers::ViewerCount;

/// A source that has sent nothing for this long is closed and opened again.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// This many bad frames in a row mean a broken source rather than a bad cable.
const MAX_BAD_IN_A_ROW: u32 = 60;
/// A placeholder is published again this often, each time with the current time.
const PLACEHOLDER_PERIOD: Duration = Duration::from_secs(1);
/// Pauses between attempts to open the source.
const OPEN_AGAIN: Backoff =
    match Backoff::new(Duration::from_millis(500), Duration::from_secs(4), 0) {
        Ok(backoff) => backoff,
        Err(_) => panic!("the pauses are in order"),
    };

/// The capture loop with all that it works with; [`CaptureLoop::run`] runs it.
pub struct CaptureLoop {
    /// The camera's name, for placeholders.
    pub name: watch::Receiver<String>,
    /// Opens the camera.
    pub opener: Box<dyn SourceOpener>,
    /// Opens the camera while it is not zero.
    pub viewer_count: Arc<ViewerCount>,
    /// Where frames go.
    pub frames: Arc<FrameSlot>,
    /// Where placeholders go.
    pub pictures: Arc<PictureSlot>,
    /// Where the state of the camera is published.
    pub health: watch::Sender<CameraHealth>,
    /// Size, rate and idle time; a change is followed at once.
    pub settings: watch::Receiver<CameraSettings>,
    /// Called each time the source has been opened; must not block.
    pub on_open: Box<dyn Fn() + Send>,
    /// Counts frames, for the metrics.
    pub observer: Arc<dyn CameraObserver>,
    /// Size of the last picture, which placeholders take over; begin with `None`.
    pub last_size: Option<(u32, u32)>,
}

/// Why an open source was closed.
enum CloseReason {
    /// Nobody has watched for the idle time, or the owner stops the loop.
    NoViewers,
    /// Another size or rate is asked for.
    ModeChanged,
    /// It failed, after this many good frames.
    Failed(SourceError, u64),
}

impl CaptureLoop {
    /// Runs until `keep_going` says no; it is asked at least every 250 ms, except while the source
    /// is being opened. Blocks; meant for a thread of its own, and may be called again after a
    /// panic.
    pub fn run(&mut self, keep_going: &dyn Fn() -> bool) {
        while keep_going() {
            // Cleared before `Idle` is published: a viewer who comes because of that must not see
            // an old picture.
            self.pictures.clear();
            self.frames.clear();
            self.observer.device(DeviceStatus::Down);
            self.health.send_replace(CameraHealth::Idle);
            while keep_going() && !self.viewer_count.wait(POLL_INTERVAL) {}
            if keep_going() {
                self.run_while_viewed(keep_going);
            }
        }
        self.pictures.clear();
        self.frames.clear();
    }

    /// From the first viewer until `idle_close` after the last.
    fn run_while_viewed(&mut self, keep_going: &dyn Fn() -> bool) {
        let mut failures = 0;
        while self.should_stay_open(keep_going) {
            let requested = self.settings.borrow_and_update().requested;
            if failures == 0 {
                self.health.send_replace(CameraHealth::Starting);
            }
            let close_reason = match self.opener.open(&requested) {
                Ok(source) => self.stream(source, &requested, keep_going),
                Err(error) => CloseReason::Failed(error, 0),
            };
            self.observer.device(DeviceStatus::Down);
            match close_reason {
                CloseReason::NoViewers => return,
                CloseReason::ModeChanged => failures = 0,
                CloseReason::Failed(error, frames) => {
                    if frames > 0 {
                        failures = 0;
                    }
                    failures += 1;
                    let pause = OPEN_AGAIN.after(failures, 0);
                    self.show_placeholder(&error, &requested, pause, keep_going);
                }
            }
        }
    }

    /// Moves frames from an open source into the slot. Dropping the source at the end releases the
    /// device.
    fn stream(
        &mut self,
        mut source: Box<dyn Source>,
        requested: &RequestedMode,
        keep_going: &dyn Fn() -> bool,
    ) -> CloseReason {
        let session = self.pictures.begin();
        let description = source.describe();
        let opened = source.format();
        tracing::info!(format = %opened, source = %description, "camera open");
        self.observer.device(DeviceStatus::Up);
        (self.on_open)();
        let mut rate = FrameRate::new();
        let (mut good, mut bad) = (0, 0);
        let mut last_good = Instant::now();
        loop {
            if !self.should_stay_open(keep_going) {
                return CloseReason::NoViewers;
            }
            if self.settings.borrow().requested != *requested {
                return CloseReason::ModeChanged;
            }
            let frame = match source.next_frame(POLL_INTERVAL) {
                Ok(Some(frame)) => frame,
                Ok(None) if last_good.elapsed() < SILENT_AFTER => continue,
                Ok(None) => {
                    let after = last_good.elapsed();
                    return CloseReason::Failed(SourceError::Silent { after }, good);
                }
                Err(error) => return CloseReason::Failed(error, good),
            };
            self.observer.captured();
            let size = match check_frame(&frame) {
                Ok(size) => size,
                Err(reason) => {
                    self.observer.discarded(reason);
                    bad += 1;
                    if bad >= MAX_BAD_IN_A_ROW {
                        let what = format!("{bad} frames in a row were {}", reason.word());
                        return CloseReason::Failed(SourceError::Broken { what }, good);
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
            if self.frames.put(session, frame) == PutOutcome::Overwrote {
                self.observer.discarded(Discard::Overwritten);
            }
        }
    }

    /// Shows why there is no picture, and waits for `pause` or a reason to try sooner.
    fn show_placeholder(
        &mut self,
        error: &SourceError,
        requested: &RequestedMode,
        pause: Duration,
        keep_going: &dyn Fn() -> bool,
    ) {
        let reason = error.to_string();
        tracing::warn!(%reason, again_in = ?pause, "no picture from the camera");
        self.frames.clear();
        let session = self.pictures.begin();
        let (width, height) = self
            .last_size
            .unwrap_or((requested.width, requested.height));
        let drawn = placeholder::draw(width, height, &self.name.borrow(), &reason)
            .map(|frame| (Encoder::new().encode(&frame, Quality::STREAM), frame.format));
        self.health.send_replace(CameraHealth::Failed { reason });
        let began = Instant::now();
        let mut shown: Option<Instant> = None;
        while self.should_stay_open(keep_going) && began.elapsed() < pause {
            if self.settings.borrow().requested != *requested {
                return;
            }
            if let Some((Ok(bytes), format)) = &drawn
                && shown.is_none_or(|at| at.elapsed() >= PLACEHOLDER_PERIOD)
            {
                self.show(session, bytes.clone(), (format.width, format.height));
                shown = Some(Instant::now());
            }
            std::thread::sleep(POLL_INTERVAL.min(pause.saturating_sub(began.elapsed())));
        }
    }

    fn show(&self, session: CaptureSession, bytes: bytes::Bytes, (width, height): (u32, u32)) {
        let picture = NewPicture {
            bytes,
            width,
            height,
            captured_at: SystemTime::now(),
            captured: Instant::now(),
            kind: PictureKind::Placeholder,
        };
        self.pictures.publish(session, picture);
    }

    fn should_stay_open(&self, keep_going: &dyn Fn() -> bool) -> bool {
        // `keep_going` first: asking it is the sign of life.
        keep_going() && self.viewer_count.idle_for() <= self.settings.borrow().idle_close
    }
}

/// The size of a frame that can be shown, in pixels; otherwise why it cannot.
fn check_frame(frame: &RawFrame) -> Result<(u32, u32), Discard> {
    if frame.format.pixel == PixelFormat::Mjpeg {
        return match mjpeg::inspect(&frame.data) {
            Ok(layout) => Ok((layout.width, layout.height)),
            Err(MjpegError::Truncated) => Err(Discard::Truncated),
            Err(MjpegError::NotJpeg) => Err(Discard::Malformed),
        };
    }
    let whole = frame.format.frame_bytes();
    if frame.format.is_sound() && whole.is_some_and(|bytes| frame.data.len() >= bytes) {
        Ok((frame.format.width, frame.format.height))
    } else {
        Err(Discard::Malformed)
    }
}

/// Counts frames per second, over windows of a second.
struct FrameRate {
    since: Instant,
    frames: u32,
}

impl FrameRate {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            frames: 0,
        }
    }

    /// Counts a frame; returns the rate once a window is full.
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
mod tests;

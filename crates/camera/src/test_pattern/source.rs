//! The test source: a small landscape that moves, with the camera's name, the time and the frame
//! number drawn in.
//!
//! Its colours come from the name, so that several cameras are told apart at a glance. The scene is
//! drawn once, larger than the picture, and the drive decides which part of it is seen. For each
//! frame that part is copied, and only clouds, balloon and text are drawn.

#![allow(
    clippy::cast_possible_wrap,
    reason = "no side of a picture is longer than 65,500 pixels"
)]

use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::device::{TestPatternControls, TestPatternDevice};
use super::drive::SimulatedDrive;
use super::scene::{Palette, Scene};
use crate::drawing::canvas::{Canvas, Colour};
use crate::drawing::lettering::Lettering;
use crate::format::{FrameFormat, PixelFormat};
use crate::frame::RawFrame;
use crate::pool::BufferPool;
use crate::source::{RequestedMode, Source, SourceError, SourceOpener};

/// Opens test patterns, which share `test_pattern`.
#[derive(Clone)]
pub(crate) struct TestPatternOpener {
    /// The camera's name, drawn into the picture; a new one is drawn at once.
    pub name: watch::Receiver<String>,
    /// Its controls, pan and tilt.
    pub test_pattern: TestPatternDevice,
}

impl SourceOpener for TestPatternOpener {
    fn open(&self, wanted: &RequestedMode) -> Result<Box<dyn Source>, SourceError> {
        let pattern = TestPattern::new(wanted, self.name.clone(), self.test_pattern.clone());
        Ok(Box::new(pattern))
    }
}

/// The open test source. Paces itself: frames come at the rate asked for.
pub struct TestPattern {
    format: FrameFormat,
    period: Duration,
    name: watch::Receiver<String>,
    drive: SimulatedDrive,
    controls: TestPatternControls,
    scene: Scene,
    palette: Palette,
    caption: Caption,
    /// Where the picture looks now, in shares of the scene's margin; follows the drive like a
    /// motor would.
    look: (f32, f32),
    /// How long clouds and balloon have been on their way, at the pace of the time of day.
    way: f32,
    last: Instant,
    due: Instant,
    sequence: u64,
    pool: BufferPool,
}

impl TestPattern {
    /// A pattern of the size wanted (even sides of 64 to 4096) at 1 to 120 frames per second.
    pub fn new(
        wanted: &RequestedMode,
        name: watch::Receiver<String>,
        test_pattern: TestPatternDevice,
    ) -> Self {
        let TestPatternDevice { drive, controls } = test_pattern;
        let side = |side: u32| side.clamp(64, 4096).next_multiple_of(2);
        let format = FrameFormat::tight(PixelFormat::Yuyv, side(wanted.width), side(wanted.height));
        let text = name.borrow().clone();
        let palette = Palette::named(&text);
        let now = Instant::now();
        Self {
            scene: Scene::draw(format.width, format.height, &palette),
            caption: Caption::new(format.width, format.height, &text),
            look: target(&drive),
            period: Duration::from_secs(1) / wanted.fps.clamp(1, 120),
            format,
            name,
            drive,
            controls,
            palette,
            way: 0.0,
            last: now,
            due: now,
            sequence: 0,
            pool: BufferPool::new(),
        }
    }

    fn frame(&mut self, captured: Instant, captured_at: SystemTime) -> RawFrame {
        let to = target(&self.drive);
        // A fifth of the way each frame: quick, yet seen to move.
        self.look.0 += (to.0 - self.look.0) * 0.2;
        self.look.1 += (to.1 - self.look.1) * 0.2;
        if self.name.has_changed().unwrap_or(false) {
            let name = self.name.borrow_and_update().clone();
            self.caption = Caption::new(self.format.width, self.format.height, &name);
        }
        self.sequence += 1;
        let since = captured.saturating_duration_since(self.last);
        self.way += since.as_secs_f32() * self.controls.speed();
        self.last = captured;
        let (brighter, way) = (self.controls.brightness(), self.way);
        let has_caption = self.controls.has_caption();
        let Self {
            format,
            scene,
            palette,
            caption,
            look,
            sequence,
            pool,
            ..
        } = self;
        let filled: Result<_, Infallible> = pool.fill(|data| {
            let offset = scene.window(*look, data);
            let mut canvas = Canvas::new(data, format.width, format.height);
            scene.moving_parts(&mut canvas, palette, offset, way);
            if has_caption {
                caption.write(&mut canvas, palette, captured_at, *sequence);
            }
            if brighter != 0 {
                for pixel in data.chunks_exact_mut(2) {
                    // Luma of limited range ends at 16 and 235.
                    pixel[0] = (i16::from(pixel[0]) + brighter).clamp(16, 235) as u8;
                }
            }
            Ok(())
        });
        let data = match filled {
            Ok(data) => data,
            Err(never) => match never {},
        };
        RawFrame {
            format: self.format,
            data,
            captured_at,
            captured,
            sequence: self.sequence,
        }
    }
}

/// The drive's position in shares of its limits, -1 to 1; up is negative, as in pictures.
fn target(drive: &SimulatedDrive) -> (f32, f32) {
    let (at, max) = (drive.position(), SimulatedDrive::LIMITS.max);
    (
        at.pan as f32 / max.pan as f32,
        -at.tilt as f32 / max.tilt as f32,
    )
}

impl Source for TestPattern {
    fn format(&self) -> FrameFormat {
        self.format
    }

    fn describe(&self) -> String {
        "test pattern".into()
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<Option<RawFrame>, SourceError> {
        let wait = self.due.saturating_duration_since(Instant::now());
        if wait > timeout {
            thread::sleep(timeout);
            return Ok(None);
        }
        thread::sleep(wait);
        let now = Instant::now();
        // Late by more than a frame: begin a new schedule instead of catching up in a burst.
        self.due = (self.due + self.period).max(now);
        Ok(Some(self.frame(now, SystemTime::now())))
    }
}

/// The strip at the bottom: name, time, frame number, and a mark that crosses it once a second.
struct Caption {
    name: String,
    large: Lettering,
    small: Lettering,
    width: i32,
    height: i32,
    top: i32,
}

const CLOCK: &str = "2000-01-01 00:00:00.0 UTC";

impl Caption {
    fn new(width: u32, height: u32, name: &str) -> Self {
        let (w, h) = (width as f32, height as f32);
        let name: String = name.chars().take(48).collect();
        let unit = h.min(w * 0.75);
        // Time to the left and frame number to the right share a line.
        let letters = CLOCK.len() + " frame 000000".len();
        let small = Lettering::fitting(unit * 0.055, letters, w * 0.95);
        let large = Lettering::fitting(unit * 0.095, name.chars().count(), w * 0.95);
        let strip = large.height() + small.height() + unit * 0.035;
        Self {
            name,
            large,
            small,
            width: width as i32,
            height: height as i32,
            top: (h - strip) as i32,
        }
    }

    fn write(&mut self, canvas: &mut Canvas<'_>, palette: &Palette, at: SystemTime, number: u64) {
        let below = self.height - self.top;
        canvas.rectangle((0, self.top), (self.width, below), palette.strip, 170);

        let line = (self.height / 160).max(1);
        let tenths = subsecond(at) * self.width as f32;
        canvas.rectangle((0, self.top), (tenths as i32, line), palette.accent, 255);

        let margin = (self.width as f32 * 0.025) as i32;
        let first = self.top + line + line;
        canvas.text(&mut self.large, (margin, first), &self.name, Colour::WHITE);
        let second = first + self.large.height() as i32;
        canvas.text(&mut self.small, (margin, second), &clock(at), palette.text);
        let number = format!("frame {number:06}");
        let right = self.width - margin - (self.small.advance() * number.len() as f32) as i32;
        canvas.text(&mut self.small, (right, second), &number, palette.text);
    }
}

/// UTC with tenths of a second.
fn clock(at: SystemTime) -> String {
    // humantime knows no time before 1970, which no Linux clock shows.
    let at = at.max(SystemTime::UNIX_EPOCH);
    let text = humantime::format_rfc3339_millis(at).to_string();
    let tenths = text.get(..21).unwrap_or(CLOCK);
    format!("{} UTC", tenths.replace('T', " "))
}

fn subsecond(at: SystemTime) -> f32 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.subsec_micros() as f32 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::super::drive::Position;
    use super::*;
    use crate::control_device::ControlDevice as _;

    fn pattern(name: &str, drive: &SimulatedDrive) -> TestPattern {
        let wanted = RequestedMode {
            width: 640,
            height: 480,
            fps: 30,
        };
        let (_, name) = watch::channel(name.to_owned());
        let test_pattern = TestPatternDevice {
            drive: drive.clone(),
            ..TestPatternDevice::default()
        };
        TestPattern::new(&wanted, name, test_pattern)
    }

    /// Mean difference of luma between two frames, over the part above the caption.
    fn difference(a: &RawFrame, b: &RawFrame) -> f64 {
        let upper = a.data.len() * 3 / 4;
        let pairs = a.data[..upper]
            .iter()
            .step_by(2)
            .zip(b.data[..upper].iter().step_by(2));
        let (sum, count) = pairs.fold((0, 0), |(sum, count), (a, b)| {
            (sum + u64::from(a.abs_diff(*b)), count + 1)
        });
        sum as f64 / f64::from(count)
    }

    #[test]
    fn the_clock_is_utc_with_tenths() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_789);
        assert_eq!(clock(at), "2023-11-14 22:13:20.7 UTC");
        assert_eq!(clock(at).len(), CLOCK.len());
    }

    #[test]
    fn frames_differ_and_are_numbered_without_a_gap() {
        let mut pattern = pattern("Gate", &SimulatedDrive::default());
        let mut frames = Vec::new();
        while frames.len() < 3 {
            frames.extend(pattern.next_frame(Duration::from_secs(1)).unwrap());
        }
        let numbers: Vec<u64> = frames.iter().map(|f| f.sequence).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_ne!(frames[0].data, frames[1].data);
        assert_eq!(frames[0].data.len(), 640 * 480 * 2);
    }

    #[test]
    fn cameras_that_differ_in_their_number_alone_differ_in_colour() {
        let colours = ["server 1", "server 2", "server 3"].map(|name| Palette::named(name).accent);
        let apart =
            |a: Colour, b: Colour| u32::from(a.cb.abs_diff(b.cb)) + u32::from(a.cr.abs_diff(b.cr));
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            assert!(apart(colours[a], colours[b]) > 60);
        }
    }

    #[test]
    fn panning_moves_the_picture() {
        let drive = SimulatedDrive::default();
        let mut pattern = pattern("Gate", &drive);
        let (now, time) = (pattern.last, SystemTime::now());
        let before = pattern.frame(now, time);
        let still = pattern.frame(now, time);
        drive.move_to(Position::degrees(30, -10));
        let after = (0..40).map(|_| pattern.frame(now, time)).last().unwrap();
        assert!(difference(&before, &still) < 0.1);
        assert!(difference(&before, &after) > 3.0);
    }

    #[test]
    fn its_controls_change_the_picture() {
        let mut pattern = pattern("Gate", &SimulatedDrive::default());
        let test_pattern = TestPatternDevice {
            drive: pattern.drive.clone(),
            controls: pattern.controls.clone(),
        };
        let (start, time) = (pattern.last, SystemTime::now());
        let before = pattern.frame(start, time);
        let set = |name: &str, value| {
            let controls = test_pattern.controls(start).unwrap();
            let control = controls.iter().find(|c| c.name == name).unwrap();
            test_pattern.set(control.id, value).unwrap();
        };
        set("Speed of the Clouds", 0);
        let later = pattern.frame(start + Duration::from_mins(1), time);
        assert!(difference(&before, &later) < 0.1, "nothing moves");
        set("Brightness", 60);
        assert!(difference(&before, &pattern.frame(start, time)) > 30.0);
        set("Brightness", 0);
        set("Name and Clock", 0);
        let bare = pattern.frame(start, time);
        let below = before.data.len() * 9 / 10;
        assert_ne!(before.data[below..], bare.data[below..]);
    }

    #[test]
    fn a_new_name_is_drawn_without_opening_again() {
        let (rename, name) = watch::channel("Gate".to_owned());
        let wanted = RequestedMode {
            width: 320,
            height: 240,
            fps: 30,
        };
        let mut pattern = TestPattern::new(&wanted, name, TestPatternDevice::default());
        let (now, time) = (pattern.last, SystemTime::now());
        pattern.frame(now, time);
        rename.send("Yard".into()).unwrap();
        pattern.frame(now, time);
        assert_eq!(pattern.caption.name, "Yard");
    }
}

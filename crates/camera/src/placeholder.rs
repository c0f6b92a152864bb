//! The picture that is drawn when the camera gives none: a camera crossed out, the camera's name,
//! and the reason.

#![allow(
    clippy::cast_possible_wrap,
    reason = "no side of a picture is longer than 65,500 pixels"
)]

use std::time::{Instant, SystemTime};

use super::format::{FrameFormat, PixelFormat};
use super::frame::RawFrame;
use crate::drawing::canvas::{Canvas, Colour};
use crate::drawing::lettering::{Lettering, wrap};

/// Lines of the reason at most.
const LINES: usize = 4;

/// Draws the placeholder at a given size (that of the last picture: browsers keep the first size of
/// a stream). `None` when no picture can have that size.
pub fn draw(width: u32, height: u32, name: &str, reason: &str) -> Option<RawFrame> {
    let format = FrameFormat::tight(PixelFormat::Yuyv, width, height);
    if !format.is_sound() {
        return None;
    }
    let mut data = vec![0; format.frame_bytes()?];
    let top = Colour::hsl(215.0, 0.18, 0.20);
    let bottom = Colour::hsl(215.0, 0.22, 0.11);
    let ink = Colour::hsl(210.0, 0.20, 0.72);
    let (w, h) = (width as f32, height as f32);
    let mut canvas = Canvas::new(&mut data, width, height);
    for row in 0..height as i32 {
        let colour = top.towards(bottom, row as f32 / h);
        canvas.rectangle((0, row), (width as i32, 1), colour, 255);
    }

    // Everything is measured in the shorter side of a 4:3 picture that fits.
    let unit = h.min(w * 0.75);
    crossed_out_camera(
        &mut canvas,
        (w / 2.0, h / 2.0 - unit * 0.19),
        unit * 0.15,
        ink,
    );

    let margin = w * 0.9;
    let shown: String = name.chars().take(48).collect();
    let mut large = Lettering::fitting(unit * 0.085, shown.chars().count(), margin);
    let mut y = h / 2.0 + unit * 0.02;
    centred(&mut canvas, &mut large, (w / 2.0, y), &shown, Colour::WHITE);
    y += large.height() * 1.25;

    let mut small = Lettering::fitting(unit * 0.058, 24, margin);
    let fits = (margin / small.advance()) as usize;
    let mut first = true;
    for line in wrap(reason, fits.min(46), LINES) {
        let line = if first { capitalised(&line) } else { line };
        first = false;
        centred(&mut canvas, &mut small, (w / 2.0, y), &line, ink);
        y += small.height() * 1.12;
    }
    Some(RawFrame {
        format,
        data: data.into(),
        captured_at: SystemTime::now(),
        captured: Instant::now(),
        sequence: 0,
    })
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn centred(
    canvas: &mut Canvas<'_>,
    letters: &mut Lettering,
    (x, y): (f32, f32),
    text: &str,
    colour: Colour,
) {
    let left = x - letters.advance() * text.chars().count() as f32 / 2.0;
    canvas.text(letters, (left as i32, y as i32), text, colour);
}

/// A camera from the side, `size` pixels from its middle to its edge, and a stroke through it.
fn crossed_out_camera(canvas: &mut Canvas<'_>, at: (f32, f32), size: f32, ink: Colour) {
    let line = (size * 0.09).max(1.0);
    let outline = |distance: f32| 0.5 + line / 2.0 - distance.abs();
    let body =
        |x: f32, y: f32| rounded_box(x + size * 0.22, y, size * 0.62, size * 0.48, size * 0.14);
    // The lens hood, a trapezium to the right of the body.
    let hood = |x: f32, y: f32| {
        let (left, right) = (size * 0.50, size * 0.92);
        let reach = size * (0.14 + 0.24 * ((x - left) / (right - left)).clamp(0.0, 1.0));
        (left - x).max(x - right).max(y.abs() - reach)
    };
    let stroke = |x: f32, y: f32| {
        let across = (x + y) * std::f32::consts::FRAC_1_SQRT_2;
        let along = (x - y) * std::f32::consts::FRAC_1_SQRT_2;
        across.abs().max(along.abs() - size * 0.98)
    };
    canvas.shape(at, (size, size), ink, |x, y| {
        let gap = stroke(x, y) - line * 1.6;
        let camera = outline(body(x, y)).max(outline(hood(x, y)));
        // Clear the camera beside the stroke, so that the stroke stands out.
        camera.min(gap + 0.5).max(0.5 + line * 0.75 - stroke(x, y))
    });
}

/// Signed distance to a rectangle with round corners, negative inside.
fn rounded_box(x: f32, y: f32, half_width: f32, half_height: f32, radius: f32) -> f32 {
    let (dx, dy) = (
        x.abs() - half_width + radius,
        y.abs() - half_height + radius,
    );
    dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pixels differ clearly between two pictures.
    fn difference(a: &RawFrame, b: &RawFrame) -> usize {
        let lumas = a.data.iter().step_by(2).zip(b.data.iter().step_by(2));
        lumas.filter(|(a, b)| a.abs_diff(**b) > 40).count()
    }

    #[test]
    fn the_reason_and_the_name_are_in_the_picture() {
        let gone = draw(640, 480, "Gate", "the camera is not connected").unwrap();
        let busy = draw(640, 480, "Gate", "another program uses it").unwrap();
        let other = draw(640, 480, "Door", "the camera is not connected").unwrap();
        assert!(difference(&gone, &busy) > 300);
        assert!(difference(&gone, &other) > 300);
    }

    #[test]
    fn it_has_exactly_the_size_asked_for_however_odd() {
        for (width, height) in [(1, 1), (33, 17), (161, 119), (640, 480), (1080, 1920)] {
            let frame = draw(width, height, "A rather long name", "and some reason").unwrap();
            assert_eq!((frame.format.width, frame.format.height), (width, height));
            assert_eq!(Some(frame.data.len()), frame.format.frame_bytes());
        }
        assert!(draw(0, 480, "", "").is_none());
        assert!(draw(100_000, 1, "", "").is_none());
    }
}

//! Letters of any height from one bitmap font.
//!
//! embedded-graphics draws each glyph once in its own 10×20 pixels; that is enlarged by a cubic
//! B-spline, and the result cut at half height. So corners come out round instead of as stairs,
//! without a font file.

use std::collections::HashMap;
use std::convert::Infallible;

use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::FONT_10X20;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{Dimensions, DrawTarget, Drawable, Pixel, Point, Size};
use embedded_graphics::primitives::Rectangle;
use embedded_graphics::text::{Baseline, Text};

const WIDTH: i32 = 10;
const HEIGHT: i32 = 20;
/// How much of the enlarged value is ink: a stroke one pixel wide reaches two thirds.
const INK_FROM: f32 = 0.36;

/// How far a glyph covers each pixel of its box.
pub(crate) struct Glyph {
    pub(crate) width: usize,
    pub(crate) alpha: Vec<u8>,
}

/// A font of one height, with the glyphs drawn so far.
pub(crate) struct Lettering {
    scale: f32,
    glyphs: HashMap<char, Glyph>,
}

impl Lettering {
    /// Letters of `height` pixels, ascenders and descenders included; at least 8.
    pub(crate) fn new(height: f32) -> Self {
        Self {
            scale: height.max(8.0) / HEIGHT as f32,
            glyphs: HashMap::new(),
        }
    }

    /// The largest letters up to `height` that let a text of so many letters fit into `width`
    /// pixels.
    pub(crate) fn fitting(height: f32, letters: usize, width: f32) -> Self {
        let widest = width / letters.max(1) as f32 * HEIGHT as f32 / WIDTH as f32;
        Self::new(height.min(widest))
    }

    /// Height of a line in pixels.
    pub(crate) fn height(&self) -> f32 {
        self.scale * HEIGHT as f32
    }

    /// Pixels from one letter to the next.
    pub(crate) fn advance(&self) -> f32 {
        self.scale * WIDTH as f32
    }

    /// The glyph of a letter; that of a question mark for what Latin-1 lacks.
    pub(crate) fn glyph(&mut self, letter: char) -> &Glyph {
        let scale = self.scale;
        // Latin-1 bounds the number of glyphs kept.
        let letter = if (letter as u32) < 256 { letter } else { '?' };
        self.glyphs
            .entry(letter)
            .or_insert_with(|| enlarge(&Bitmap::of(letter), scale))
    }
}

/// One glyph in the font's own pixels.
struct Bitmap([[bool; WIDTH as usize]; HEIGHT as usize]);

impl Bitmap {
    fn of(letter: char) -> Self {
        let mut bitmap = Self([[false; WIDTH as usize]; HEIGHT as usize]);
        let style = MonoTextStyle::new(&FONT_10X20, BinaryColor::On);
        let mut utf8 = [0; 4];
        let text = letter.encode_utf8(&mut utf8);
        match Text::with_baseline(text, Point::zero(), style, Baseline::Top).draw(&mut bitmap) {
            Ok(_) => bitmap,
            Err(never) => match never {},
        }
    }

    fn ink(&self, x: i32, y: i32) -> f32 {
        let inside = (0..WIDTH).contains(&x) && (0..HEIGHT).contains(&y);
        f32::from(u8::from(inside && self.0[y as usize][x as usize]))
    }
}

impl Dimensions for Bitmap {
    fn bounding_box(&self) -> Rectangle {
        Rectangle::new(Point::zero(), Size::new(WIDTH as u32, HEIGHT as u32))
    }
}

impl DrawTarget for Bitmap {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<BinaryColor>>,
    {
        for Pixel(at, colour) in pixels {
            if (0..WIDTH).contains(&at.x) && (0..HEIGHT).contains(&at.y) {
                self.0[at.y as usize][at.x as usize] = colour.is_on();
            }
        }
        Ok(())
    }
}

fn enlarge(bitmap: &Bitmap, scale: f32) -> Glyph {
    let (width, height) = (
        (WIDTH as f32 * scale).ceil() as usize,
        (HEIGHT as f32 * scale).ceil() as usize,
    );
    let mut alpha = Vec::with_capacity(width * height);
    for row in 0..height {
        let (y, rows) = taps(row, scale);
        for column in 0..width {
            let (x, columns) = taps(column, scale);
            let mut value = 0.0;
            for (dy, row_weight) in (0..).zip(rows) {
                for (dx, column_weight) in (0..).zip(columns) {
                    value += row_weight * column_weight * bitmap.ink(x + dx, y + dy);
                }
            }
            // The edge is one target pixel wide; below the font's own size, one source pixel.
            let edge = 0.5 + (value - INK_FROM) * scale.max(1.0) * 1.6;
            alpha.push((edge.clamp(0.0, 1.0) * 255.0) as u8);
        }
    }
    Glyph { width, alpha }
}

/// The four source pixels that a target pixel is made of (the first one, and the weight of each):
/// cubic B-spline.
fn taps(target: usize, scale: f32) -> (i32, [f32; 4]) {
    let source = (target as f32 + 0.5) / scale - 0.5;
    let whole = source.floor();
    let t = source - whole;
    let weights = [
        (1.0 - t).powi(3),
        3.0 * t.powi(3) - 6.0 * t.powi(2) + 4.0,
        -3.0 * t.powi(3) + 3.0 * t.powi(2) + 3.0 * t + 1.0,
        t.powi(3),
    ];
    (whole as i32 - 1, weights.map(|w| w / 6.0))
}

/// Breaks a text into lines of at most `width` letters, between words where it can. What needs more
/// than `most` lines ends in dots.
pub(crate) fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let width = width.max(4);
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (index, piece) in letters.chunks(width).enumerate() {
            let space = usize::from(index == 0 && room < width);
            if piece.len() + space > room {
                lines.push(String::new());
                room = width;
            } else if space == 1 {
                lines.last_mut().into_iter().for_each(|l| l.push(' '));
                room -= 1;
            }
            lines.last_mut().into_iter().for_each(|l| l.extend(piece));
            room -= piece.len();
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = last.chars().take(width - 3).chain("...".chars()).collect();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words_and_long_words_are_broken() {
        assert_eq!(wrap("the camera is gone", 10, 9), ["the camera", "is gone"]);
        assert_eq!(wrap("abcdefghijkl mn", 5, 9), ["abcde", "fghij", "kl mn"]);
        assert_eq!(wrap("one two three four", 9, 1), ["one tw..."]);
        assert_eq!(wrap("", 9, 3), [""]);
    }

    #[test]
    fn letters_have_ink_and_keep_their_shape_at_every_height() {
        for height in [8.0, 20.0, 47.0, 90.0] {
            let mut letters = Lettering::new(height);
            let share = |letters: &mut Lettering, c| {
                let glyph = letters.glyph(c);
                glyph.alpha.iter().map(|&a| f32::from(a)).sum::<f32>()
                    / (255.0 * glyph.alpha.len() as f32)
            };
            assert!(share(&mut letters, ' ') == 0.0);
            let (dot, full) = (share(&mut letters, '.'), share(&mut letters, 'M'));
            assert!(
                dot > 0.005 && dot < full && full < 0.5,
                "{height}: {dot} {full}"
            );
        }
    }
}

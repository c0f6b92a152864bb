//! Drawing on a packed YUYV picture: what the test pattern and the placeholder are made with.

#![allow(
    clippy::cast_possible_wrap,
    reason = "no side of a picture is longer than 65,500 pixels"
)]

use crate::drawing::lettering::Lettering;

/// A colour in full-range YCbCr (JFIF).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) y: u8,
    pub(crate) cb: u8,
    pub(crate) cr: u8,
}

impl Colour {
    pub(crate) const WHITE: Self = Self {
        y: 255,
        cb: 128,
        cr: 128,
    };

    /// Hue in degrees; saturation and lightness from 0 to 1.
    pub(crate) fn hsl(hue: f32, saturation: f32, lightness: f32) -> Self {
        let amplitude = saturation * lightness.min(1.0 - lightness);
        let channel = |n: f32| {
            let k = (n + hue / 30.0).rem_euclid(12.0);
            255.0 * (lightness - amplitude * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0))
        };
        let (r, g, b) = (channel(0.0), channel(8.0), channel(4.0));
        Self {
            y: (0.299 * r + 0.587 * g + 0.114 * b) as u8,
            cb: (128.0 - 0.168_736 * r - 0.331_264 * g + 0.5 * b) as u8,
            cr: (128.0 + 0.5 * r - 0.418_688 * g - 0.081_312 * b) as u8,
        }
    }

    /// From this colour (0) to another (1).
    #[must_use]
    pub(crate) fn towards(self, other: Self, share: f32) -> Self {
        let mix = |a: u8, b: u8| {
            (f32::from(a) + (f32::from(b) - f32::from(a)) * share.clamp(0.0, 1.0)).round() as u8
        };
        Self {
            y: mix(self.y, other.y),
            cb: mix(self.cb, other.cb),
            cr: mix(self.cr, other.cr),
        }
    }
}

/// A picture being drawn. Whatever lies outside it is left out.
pub(crate) struct Canvas<'a> {
    data: &'a mut [u8],
    stride: usize,
    width: i32,
    height: i32,
}

impl<'a> Canvas<'a> {
    /// A canvas over tight YUYV data of this size.
    pub(crate) fn new(data: &'a mut [u8], width: u32, height: u32) -> Self {
        Self {
            data,
            stride: width.div_ceil(2) as usize * 4,
            width: width as i32,
            height: height as i32,
        }
    }

    /// Lays a colour over one pixel, 0 not at all, 255 fully. A pair of pixels shares the chroma of
    /// its left one.
    pub(crate) fn blend(&mut self, x: i32, y: i32, colour: Colour, alpha: u8) {
        if alpha == 0 || !(0..self.width).contains(&x) || !(0..self.height).contains(&y) {
            return;
        }
        let at = y as usize * self.stride + x as usize * 2;
        self.data[at] = mix(self.data[at], colour.y, alpha);
        if x % 2 == 0 {
            self.data[at + 1] = mix(self.data[at + 1], colour.cb, alpha);
            self.data[at + 3] = mix(self.data[at + 3], colour.cr, alpha);
        }
    }

    /// Lays a colour over a rectangle.
    pub(crate) fn rectangle(
        &mut self,
        (x, y): (i32, i32),
        (width, height): (i32, i32),
        colour: Colour,
        alpha: u8,
    ) {
        for row in y.max(0)..(y + height).min(self.height) {
            for column in x.max(0)..(x + width).min(self.width) {
                self.blend(column, row, colour, alpha);
            }
        }
    }

    /// Lays a colour over what `coverage` covers of a box around `(x, y)`: it is asked with the
    /// distance from there, and answers from 0 (outside) to 1 (inside), in between on the edge.
    pub(crate) fn shape(
        &mut self,
        (x, y): (f32, f32),
        (half_width, half_height): (f32, f32),
        colour: Colour,
        coverage: impl Fn(f32, f32) -> f32,
    ) {
        let columns = ((x - half_width).floor() as i32).max(0)
            ..((x + half_width).ceil() as i32 + 1).min(self.width);
        for row in ((y - half_height).floor() as i32).max(0)
            ..((y + half_height).ceil() as i32 + 1).min(self.height)
        {
            for column in columns.clone() {
                let covered = coverage(column as f32 - x, row as f32 - y);
                self.blend(column, row, colour, (covered.clamp(0.0, 1.0) * 255.0) as u8);
            }
        }
    }

    /// Writes a line of text, its top left corner at `(x, y)`.
    pub(crate) fn text(
        &mut self,
        letters: &mut Lettering,
        (x, y): (i32, i32),
        text: &str,
        colour: Colour,
    ) {
        let advance = letters.advance();
        for (letter, index) in text.chars().zip(0..) {
            let left = x + (advance * index as f32) as i32;
            let glyph = letters.glyph(letter);
            for (row, line) in glyph.alpha.chunks_exact(glyph.width).enumerate() {
                for (column, &alpha) in line.iter().enumerate() {
                    self.blend(left + column as i32, y + row as i32, colour, alpha);
                }
            }
        }
    }
}

fn mix(old: u8, new: u8, alpha: u8) -> u8 {
    let (old, new, alpha) = (u16::from(old), u16::from(new), u16::from(alpha));
    ((old * (255 - alpha) + new * alpha + 127) / 255) as u8
}

//! The landscape of the test pattern: sky, sun and hills drawn once; clouds and a balloon for each
//! frame.

#![allow(
    clippy::cast_possible_wrap,
    reason = "no side of a picture is longer than 65,500 pixels"
)]

use crate::drawing::canvas::{Canvas, Colour};

/// How much larger than the picture the scene is, across and down: room for pan and tilt.
const MARGIN: (f32, f32) = (1.5, 1.3);
const LAYERS: usize = 4;

/// The colours of one camera, and the shape of its hills: both from its name.
pub(super) struct Palette {
    zenith: Colour,
    horizon: Colour,
    sun: Colour,
    hills: [Colour; LAYERS],
    seed: u32,
    /// The caption's background.
    pub(super) strip: Colour,
    /// What moves and should be seen.
    pub(super) accent: Colour,
    /// The caption's lesser text.
    pub(super) text: Colour,
}

impl Palette {
    pub(super) fn named(name: &str) -> Self {
        // Names often differ in a number at their end alone: the golden angle keeps those far
        // apart.
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let number: u32 = name[stem.len()..].parse().unwrap_or(0);
        // FNV-1a: small, and the same on every machine.
        let mut seed = stem.bytes().fold(0x811c_9dc5_u32, |h, b| {
            (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
        });
        // The last letters hardly reach the high bits.
        seed = (seed ^ (seed >> 15)).wrapping_mul(0x2c1b_3c6d);
        seed ^= seed >> 12;
        let hue = (seed % 360) as f32 + (number % 1000) as f32 * 137.508;
        let seed = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9));
        let hills = std::array::from_fn(|layer| {
            let depth = layer as f32 / (LAYERS - 1) as f32;
            Colour::hsl(hue + 8.0 * depth, 0.34 + 0.12 * depth, 0.58 - 0.42 * depth)
        });
        Self {
            zenith: Colour::hsl(hue - 12.0, 0.55, 0.36),
            horizon: Colour::hsl(hue + 28.0, 0.75, 0.84),
            sun: Colour::hsl(hue + 40.0, 1.0, 0.96),
            hills,
            seed,
            strip: Colour::hsl(hue, 0.45, 0.07),
            accent: Colour::hsl(hue + 165.0, 0.85, 0.60),
            text: Colour::hsl(hue + 28.0, 0.35, 0.86),
        }
    }
}

/// The drawn scene, YUYV.
pub(super) struct Scene {
    data: Vec<u8>,
    stride: usize,
    width: u32,
    height: u32,
    /// Pixels of the scene beyond each edge of the picture.
    margin: (f32, f32),
    cloud: Cloud,
}

impl Scene {
    /// Draws the scene for pictures of this size (even).
    pub(super) fn draw(width: u32, height: u32, palette: &Palette) -> Self {
        let w = ((width as f32 * MARGIN.0) as u32).next_multiple_of(2);
        let h = (height as f32 * MARGIN.1) as u32;
        let mut data = vec![0; w as usize * h as usize * 2];
        let ridges: Vec<[f32; LAYERS]> = (0..w)
            .map(|x| std::array::from_fn(|layer| ridge(palette.seed, layer, x as f32 / h as f32)))
            .collect();
        let sun = (w as f32 * 0.60, h as f32 * 0.40);
        let mut canvas = Canvas::new(&mut data, w, h);
        for y in 0..h {
            let down = y as f32 / h as f32;
            for (x, ridges) in (0..w).zip(&ridges) {
                let distance = (x as f32 - sun.0).hypot(y as f32 - sun.1) / h as f32;
                let colour = pixel(palette, ridges, down, distance, 1.0 / h as f32);
                canvas.blend(x as i32, y as i32, colour, 255);
            }
        }
        Self {
            data,
            stride: w as usize * 2,
            width,
            height,
            margin: ((w - width) as f32 / 2.0, (h - height) as f32 / 2.0),
            cloud: Cloud::new(height),
        }
    }

    /// Copies the part of the scene that is seen when looking at `look` (-1 to 1 each way) into an
    /// empty buffer. Returns its left top corner in the scene.
    pub(super) fn window(&self, look: (f32, f32), picture: &mut Vec<u8>) -> (f32, f32) {
        let corner = |look: f32, margin: f32| margin + look.clamp(-1.0, 1.0) * margin;
        // Whole pairs of pixels, which share their chroma.
        let left = (corner(look.0, self.margin.0) / 2.0) as usize * 2;
        let top = corner(look.1, self.margin.1) as usize;
        let line = self.width as usize * 2;
        for row in (top..).take(self.height as usize) {
            let at = row * self.stride + left * 2;
            picture.extend_from_slice(&self.data[at..at + line]);
        }
        (left as f32, top as f32)
    }

    /// Clouds and the balloon, `seconds` after the start, seen from `offset`.
    pub(super) fn moving_parts(
        &self,
        canvas: &mut Canvas<'_>,
        palette: &Palette,
        offset: (f32, f32),
        seconds: f32,
    ) {
        let (w, h) = (self.stride as f32 / 2.0, self.height as f32 * MARGIN.1);
        let white = palette.horizon.towards(Colour::WHITE, 0.7);
        for (start, height, speed) in [
            (0.15, 0.22, 0.018),
            (0.55, 0.32, 0.012),
            (0.85, 0.18, 0.024),
        ] {
            let reach = w + 2.0 * self.cloud.width as f32;
            let x = (start * w + speed * w * seconds).rem_euclid(reach) - self.cloud.width as f32;
            self.cloud
                .draw(canvas, (x - offset.0, h * height - offset.1), white);
        }
        // A slow figure around the middle of the scene, so that it is seen without panning.
        let (x, y) = (
            w * (0.5 + 0.22 * (seconds * 0.45).sin()),
            h * (0.36 + 0.07 * (seconds * 0.93).sin()),
        );
        balloon(canvas, palette, (x - offset.0, y - offset.1), h * 0.075);
    }
}

/// The colour at a share `down` of the height and a distance (in heights) from the sun's middle.
/// `soft` is the width of an edge: one pixel.
fn pixel(palette: &Palette, ridges: &[f32; LAYERS], down: f32, from_sun: f32, soft: f32) -> Colour {
    let mut colour = palette
        .zenith
        .towards(palette.horizon, (down / 0.58).min(1.0).powf(1.25));
    let glow = (1.0 - from_sun / 0.55).max(0.0).powi(3) * 0.75;
    let disc = (0.5 + (0.055 - from_sun) / soft).clamp(0.0, 1.0);
    colour = colour.towards(palette.sun, glow.max(disc));
    for (layer, &ridge) in ridges.iter().enumerate() {
        let inside = (0.5 + (down - ridge) / soft).clamp(0.0, 1.0);
        if inside > 0.0 {
            // Mist lies in the valleys.
            let mist = ((down - ridge) / 0.30).clamp(0.0, 1.0) * 0.32 * (1.0 - layer as f32 * 0.22);
            let hill = palette.hills[layer].towards(palette.horizon, mist);
            colour = colour.towards(hill, inside);
        }
    }
    colour
}

/// Where the ridge of a layer is, as a share of the height; `x` in heights.
fn ridge(seed: u32, layer: usize, x: f32) -> f32 {
    let depth = layer as f32;
    let phase = (seed >> (layer * 5)) as f32 % 97.0;
    let (x, amplitude) = (x * (1.6 + 0.55 * depth), 0.050 + 0.006 * depth);
    let wave = (x * 1.9 + phase).sin() * 0.55
        + (x * 4.3 + phase * 1.7).sin() * 0.28
        + (x * 9.7 + phase * 2.3).sin() * 0.11
        + (x * 23.0 + phase).sin() * 0.035;
    0.50 + 0.095 * depth + amplitude * wave
}

/// A soft heap of discs, drawn once.
struct Cloud {
    width: i32,
    alpha: Vec<u8>,
}

impl Cloud {
    fn new(height: u32) -> Self {
        let unit = height as f32 * 0.16;
        let (width, lines) = ((unit * 3.2) as i32, (unit * 1.3) as i32);
        let discs = [
            (0.70, 0.98, 0.58),
            (1.20, 0.78, 0.74),
            (1.85, 0.84, 0.70),
            (2.45, 1.00, 0.56),
            (1.55, 1.05, 0.70),
        ];
        let alpha = (0..lines)
            .flat_map(|y| (0..width).map(move |x| (x as f32 / unit, y as f32 / unit)))
            .map(|(x, y)| {
                let clear = discs.iter().fold(1.0, |clear: f32, &(dx, dy, r)| {
                    let edge = 1.0 - ((x - dx).hypot((y - dy) * 1.25) / r).min(1.0);
                    clear * (1.0 - (edge * 2.2).min(1.0).powi(2))
                });
                // Flat below.
                let floor = ((1.16 - y) / 0.22).clamp(0.0, 1.0);
                ((1.0 - clear) * floor * 215.0) as u8
            })
            .collect();
        Self { width, alpha }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, (x, y): (f32, f32), colour: Colour) {
        let (left, top) = (x.round() as i32, y.round() as i32);
        for (row, line) in self
            .alpha
            .chunks_exact(self.width.max(1) as usize)
            .enumerate()
        {
            for (column, &alpha) in line.iter().enumerate() {
                canvas.blend(left + column as i32, top + row as i32, colour, alpha);
            }
        }
    }
}

/// A hot-air balloon of radius `r` around `at`, striped, with its basket below.
fn balloon(canvas: &mut Canvas<'_>, palette: &Palette, at: (f32, f32), r: f32) {
    let envelope = |x: f32, y: f32| {
        // A ball that narrows towards the basket.
        let narrow = if y > 0.0 {
            1.0 + 0.45 * (y / r).powi(2)
        } else {
            1.0
        };
        0.5 + r - (x * narrow).hypot(y * 0.88)
    };
    let light = palette.accent.towards(Colour::WHITE, 0.78);
    canvas.shape(at, (r, r * 1.2), palette.accent, envelope);
    canvas.shape(at, (r, r * 1.2), light, |x, y| {
        // Stripes seen on a ball: narrower towards its sides.
        let around = (x / (r * r - (y * 0.88).powi(2)).max(1.0).sqrt())
            .clamp(-1.0, 1.0)
            .asin();
        let stripe = ((around * 4.5).cos() * r * 0.25 + 0.5).clamp(0.0, 1.0);
        envelope(x, y).clamp(0.0, 1.0) * stripe
    });
    let shade = palette.accent.towards(palette.strip, 0.8);
    canvas.shape(at, (r, r * 1.2), shade, |x, y| {
        let side = ((x / r + 0.15) * 0.55).clamp(0.0, 0.45);
        envelope(x, y).clamp(0.0, 1.0) * side
    });
    let basket = (at.0, at.1 + r * 1.52);
    canvas.shape(basket, (r * 0.2, r * 0.15), palette.strip, |_, _| 1.0);
    for side in [-1.0, 1.0] {
        let rope = (at.0 + side * r * 0.2, at.1 + r * 1.22);
        canvas.shape(rope, (r * 0.02, r * 0.2), palette.strip, |_, _| 0.8);
    }
}

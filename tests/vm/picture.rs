//! What is on a picture: `vivid` shows colour bars with a running clock on them.

use turbojpeg::{PixelFormat, decompress};

/// vivid's first test pattern, "75% Colorbar", from left to right.
const BARS: [[u8; 3]; 8] = [
    [191, 191, 191],
    [191, 191, 0],
    [0, 191, 191],
    [0, 191, 0],
    [191, 0, 191],
    [191, 0, 0],
    [0, 0, 191],
    [0, 0, 0],
];

/// How far a colour may be off after YUV and JPEG: rounding, not a wrong range (16 of 255) or order
/// of bytes.
const TOLERANCE: u8 = 10;

/// A decoded picture.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// Decodes a JPEG; fails on one that is not whole.
    pub(crate) fn decode(jpeg: &[u8]) -> Self {
        assert!(jpeg.ends_with(&[0xff, 0xd9]), "the JPEG has its end");
        let image = decompress(jpeg, PixelFormat::RGB).expect("the JPEG is decodable");
        assert_eq!(image.pitch, image.width * 3);
        Self {
            width: image.width,
            height: image.height,
            rgb: image.pixels,
        }
    }

    /// Whether it is what vivid shows, in vivid's colours. Looked at near the lower edge, where no
    /// text is.
    pub(crate) fn shows_colour_bars(&self) -> bool {
        let line = self.height * 9 / 10;
        BARS.iter().enumerate().all(|(i, bar)| {
            let middle = (2 * i + 1) * self.width / (2 * BARS.len());
            let seen = self.pixel(middle, line);
            seen.iter()
                .zip(bar)
                .all(|(s, b)| s.abs_diff(*b) <= TOLERANCE)
        })
    }

    /// How bright it is, 0 to 255.
    pub(crate) fn brightness(&self) -> f64 {
        let sum: f64 = self.rgb.iter().map(|byte| f64::from(*byte)).sum();
        sum / self.rgb.len() as f64
    }

    /// How many pixels are clearly not the same on both.
    pub(crate) fn pixels_unlike(&self, other: &Self) -> usize {
        let (ours, theirs) = (self.rgb.chunks_exact(3), other.rgb.chunks_exact(3));
        ours.zip(theirs)
            .filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 60))
            .count()
    }

    fn pixel(&self, x: usize, y: usize) -> &[u8] {
        let at = (y * self.width + x) * 3;
        &self.rgb[at..at + 3]
    }
}

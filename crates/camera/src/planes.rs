//! Raw YUV frames taken apart into the planes that libjpeg takes without a colour conversion.
//!
//! Each plane is padded to whole 8×8 blocks by repeating its last column and line: what is beyond
//! the edge is coded too, and anything else there would ring into the picture. The inner loops are
//! plain iterator chains over equal chunks, which the compiler turns into vector code.

use super::format::{FrameFormat, PixelFormat, Range};

/// Side of a JPEG block.
const BLOCK: usize = 8;

/// How much coarser chroma is than luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampling {
    /// No chroma at all.
    Luma,
    /// 4:2:2, half across.
    Half,
    /// 4:2:0, half across and down.
    Quarter,
}

/// One plane, `stride` bytes a line, sides whole blocks.
#[derive(Default)]
struct Plane {
    data: Vec<u8>,
    stride: usize,
}

impl Plane {
    /// Makes room for `width`×`lines` samples and their padding. Keeps the allocation.
    fn shape(&mut self, width: usize, lines: usize) {
        self.stride = width.next_multiple_of(BLOCK);
        self.data
            .resize(self.stride * lines.next_multiple_of(BLOCK), 0);
    }

    /// Repeats the last of `width` columns and of `lines` lines into the padding.
    fn pad(&mut self, width: usize, lines: usize) {
        if width < self.stride {
            for line in self.data.chunks_exact_mut(self.stride).take(lines) {
                let (samples, padding) = line.split_at_mut(width);
                padding.fill(samples.last().copied().unwrap_or(0));
            }
        }
        let (samples, padding) = self.data.split_at_mut(self.stride * lines);
        let last = &samples[samples.len() - self.stride..];
        for line in padding.chunks_exact_mut(self.stride) {
            line.copy_from_slice(last);
        }
    }
}

/// The planes of one frame; kept between frames for their memory.
#[derive(Default)]
pub(super) struct Planes {
    y: Plane,
    cb: Plane,
    cr: Plane,
}

impl Planes {
    /// Takes a frame apart. `None` for formats that are not YUV; `data` must be
    /// [`FrameFormat::frame_bytes`] long.
    pub(super) fn split(&mut self, format: &FrameFormat, data: &[u8]) -> Option<Sampling> {
        let sampling = match format.pixel {
            PixelFormat::Yuyv => self.packed::<0, 1, 3>(format, data),
            PixelFormat::Uyvy => self.packed::<1, 0, 2>(format, data),
            PixelFormat::Yvyu => self.packed::<0, 3, 1>(format, data),
            PixelFormat::Nv12 => self.two_planes(format, data),
            PixelFormat::Yu12 => self.three_planes(format, data),
            PixelFormat::Grey => {
                self.luma(format, data);
                Sampling::Luma
            }
            PixelFormat::Mjpeg | PixelFormat::Rgb24 | PixelFormat::Bgr24 => return None,
        };
        let (width, lines) = (format.width as usize, format.height as usize);
        let chroma_lines = match sampling {
            Sampling::Luma => 0,
            Sampling::Half => lines,
            Sampling::Quarter => lines.div_ceil(2),
        };
        if format.range == Range::Limited {
            self.y.data.iter_mut().for_each(|y| *y = full_luma(*y));
            if sampling != Sampling::Luma {
                self.cb.data.iter_mut().for_each(|c| *c = full_chroma(*c));
                self.cr.data.iter_mut().for_each(|c| *c = full_chroma(*c));
            }
        }
        self.y.pad(width, lines);
        if sampling != Sampling::Luma {
            self.cb.pad(width.div_ceil(2), chroma_lines);
            self.cr.pad(width.div_ceil(2), chroma_lines);
        }
        Some(sampling)
    }

    /// Y, Cb and Cr as of the last [`Planes::split`]; the chroma of an older frame when that had
    /// none.
    pub(super) fn all(&self) -> [&[u8]; 3] {
        [&self.y.data, &self.cb.data, &self.cr.data]
    }

    /// Packed 4:2:2, four bytes for two pixels: luma at `Y` and `Y + 2`, chroma at `CB` and `CR`.
    fn packed<const Y: usize, const CB: usize, const CR: usize>(
        &mut self,
        format: &FrameFormat,
        data: &[u8],
    ) -> Sampling {
        let (width, lines) = (format.width as usize, format.height as usize);
        let pairs = width.div_ceil(2);
        // One luma sample too many where the width is odd: the stride has room, padding overwrites
        // it.
        self.y.shape(pairs * 2, lines);
        self.cb.shape(pairs, lines);
        self.cr.shape(pairs, lines);
        let sources = data.chunks(format.stride as usize).take(lines);
        let ys = self.y.data.chunks_exact_mut(self.y.stride);
        let cbs = self.cb.data.chunks_exact_mut(self.cb.stride);
        let crs = self.cr.data.chunks_exact_mut(self.cr.stride);
        for (((source, y), cb), cr) in sources.zip(ys).zip(cbs).zip(crs) {
            let source = &source[..pairs * 4];
            for (pair, y) in source.chunks_exact(2).zip(y) {
                *y = pair[Y];
            }
            for (quad, cb) in source.chunks_exact(4).zip(cb) {
                *cb = quad[CB];
            }
            for (quad, cr) in source.chunks_exact(4).zip(cr) {
                *cr = quad[CR];
            }
        }
        Sampling::Half
    }

    fn luma<'a>(&mut self, format: &FrameFormat, data: &'a [u8]) -> &'a [u8] {
        let (width, lines) = (format.width as usize, format.height as usize);
        self.y.shape(width, lines);
        copy_lines(&mut self.y, data, format.stride as usize, width, lines);
        data.get(format.stride as usize * lines..).unwrap_or(&[])
    }

    fn two_planes(&mut self, format: &FrameFormat, data: &[u8]) -> Sampling {
        let chroma = self.luma(format, data);
        let (width, lines) = (
            format.width.div_ceil(2) as usize,
            format.height.div_ceil(2) as usize,
        );
        self.cb.shape(width, lines);
        self.cr.shape(width, lines);
        let sources = chroma.chunks(format.stride as usize).take(lines);
        let cbs = self.cb.data.chunks_exact_mut(self.cb.stride);
        let crs = self.cr.data.chunks_exact_mut(self.cr.stride);
        for ((source, cb), cr) in sources.zip(cbs).zip(crs) {
            for (pair, cb) in source.chunks_exact(2).zip(&mut cb[..width]) {
                *cb = pair[0];
            }
            for (pair, cr) in source.chunks_exact(2).zip(&mut cr[..width]) {
                *cr = pair[1];
            }
        }
        Sampling::Quarter
    }

    fn three_planes(&mut self, format: &FrameFormat, data: &[u8]) -> Sampling {
        let chroma = self.luma(format, data);
        let (width, lines) = (
            format.width.div_ceil(2) as usize,
            format.height.div_ceil(2) as usize,
        );
        let stride = format.chroma_stride();
        self.cb.shape(width, lines);
        self.cr.shape(width, lines);
        copy_lines(&mut self.cb, chroma, stride, width, lines);
        let second = chroma.get(stride * lines..).unwrap_or(&[]);
        copy_lines(&mut self.cr, second, stride, width, lines);
        Sampling::Quarter
    }
}

fn copy_lines(plane: &mut Plane, data: &[u8], stride: usize, width: usize, lines: usize) {
    let targets = plane.data.chunks_exact_mut(plane.stride);
    for (source, target) in data.chunks(stride).take(lines).zip(targets) {
        target[..width].copy_from_slice(&source[..width]);
    }
}

/// 16…235 onto 0…255 (ITU-R BT.601), in 16 bits so that it vectorises.
fn full_luma(y: u8) -> u8 {
    let above_black = u16::from(y.saturating_sub(16).min(219));
    ((above_black * 298 + 128) >> 8) as u8
}

/// 16…240 around 128 onto 0…255.
fn full_chroma(c: u8) -> u8 {
    let around_zero = i16::from(c.clamp(16, 240)) - 128;
    (((around_zero * 291 + 128) >> 8) + 128) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limited_range_is_stretched_from_black_to_white() {
        assert_eq!([0, 16, 126, 235, 255].map(full_luma), [0, 0, 128, 255, 255]);
        assert_eq!(
            [0, 16, 128, 240, 255].map(full_chroma),
            [1, 1, 128, 255, 255]
        );
    }

    #[test]
    fn each_packed_format_finds_its_samples() {
        let cases = [
            (PixelFormat::Yuyv, [10, 20, 11, 30]),
            (PixelFormat::Uyvy, [20, 10, 30, 11]),
            (PixelFormat::Yvyu, [10, 30, 11, 20]),
        ];
        for (pixel, data) in cases {
            let mut planes = Planes::default();
            let sampling = planes.split(&FrameFormat::tight(pixel, 2, 1), &data);
            assert_eq!(sampling, Some(Sampling::Half));
            let [y, cb, cr] = planes.all();
            assert_eq!((&y[..2], cb[0], cr[0]), (&[10, 11][..], 20, 30), "{pixel}");
        }
    }

    #[test]
    fn padding_repeats_the_last_column_and_line() {
        let format = FrameFormat::tight(PixelFormat::Grey, 3, 2);
        let mut planes = Planes::default();
        planes.split(&format, &[1, 2, 3, 4, 5, 6]);
        let y = planes.all()[0];
        assert_eq!(y.len(), 64);
        assert_eq!(&y[..8], &[1, 2, 3, 3, 3, 3, 3, 3]);
        assert_eq!(&y[56..], &[4, 5, 6, 6, 6, 6, 6, 6]);
    }
}

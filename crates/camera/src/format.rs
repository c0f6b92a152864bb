//! Pixel formats: how a raw frame lies in memory, and how many bytes it must have.

use std::fmt;

/// A pixel format that a source may deliver. Names and codes are those of V4L2
/// (`linux/videodev2.h`, "Pixel formats" in the kernel's media documentation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Motion JPEG: each frame is a JPEG of its own, often without Huffman tables.
    Mjpeg,
    /// Packed 4:2:2: Y0 Cb Y1 Cr.
    Yuyv,
    /// Packed 4:2:2: Cb Y0 Cr Y1.
    Uyvy,
    /// Packed 4:2:2: Y0 Cr Y1 Cb.
    Yvyu,
    /// 4:2:0 in two planes: Y, then Cb and Cr interleaved.
    Nv12,
    /// 4:2:0 in three planes: Y, Cb, Cr.
    Yu12,
    /// Three bytes a pixel: red, green, blue.
    Rgb24,
    /// Three bytes a pixel: blue, green, red.
    Bgr24,
    /// One byte a pixel: luma alone.
    Grey,
}

impl PixelFormat {
    /// Every format, the one that costs least to serve first.
    pub const ALL: [Self; 9] = [
        Self::Mjpeg,
        Self::Yuyv,
        Self::Uyvy,
        Self::Yvyu,
        Self::Nv12,
        Self::Yu12,
        Self::Grey,
        Self::Rgb24,
        Self::Bgr24,
    ];

    /// The four-character code of V4L2.
    pub const fn fourcc(self) -> [u8; 4] {
        match self {
            Self::Mjpeg => *b"MJPG",
            Self::Yuyv => *b"YUYV",
            Self::Uyvy => *b"UYVY",
            Self::Yvyu => *b"YVYU",
            Self::Nv12 => *b"NV12",
            Self::Yu12 => *b"YU12",
            Self::Rgb24 => *b"RGB3",
            Self::Bgr24 => *b"BGR3",
            Self::Grey => *b"GREY",
        }
    }

    /// The format with this four-character code. `JPEG` is taken for `MJPG`: drivers use both for
    /// the same bytes.
    pub fn from_fourcc(code: [u8; 4]) -> Option<Self> {
        if &code == b"JPEG" {
            return Some(Self::Mjpeg);
        }
        Self::ALL.into_iter().find(|f| f.fourcc() == code)
    }

    /// Bytes in one line of plane 0 without padding; 0 for compressed formats.
    pub const fn line_bytes(self, width: u32) -> u32 {
        match self {
            Self::Mjpeg => 0,
            // A pair of pixels shares its chroma: an odd width still has a whole pair at the end.
            Self::Yuyv | Self::Uyvy | Self::Yvyu => width.div_ceil(2).saturating_mul(4),
            // The chroma plane has the same stride and holds whole pairs.
            Self::Nv12 => width.div_ceil(2).saturating_mul(2),
            Self::Yu12 | Self::Grey => width,
            Self::Rgb24 | Self::Bgr24 => width.saturating_mul(3),
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fourcc()
            .iter()
            .try_for_each(|&b| write!(f, "{}", char::from(b)))
    }
}

/// Which numbers stand for black and white in YUV data (V4L2 "quantization").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Range {
    /// 0 to 255, as JPEG (JFIF) wants it. Right also for RGB, and whenever the source says nothing.
    #[default]
    Full,
    /// 16 to 235 for luma, 16 to 240 for chroma, as video has it: stretched while encoding.
    Limited,
}

/// What the frames of an open source look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameFormat {
    /// How the pixels are stored.
    pub pixel: PixelFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels (lines).
    pub height: u32,
    /// Bytes per line of plane 0, padding included (V4L2 `bytesperline`); 0 for compressed
    /// formats. In `NV12` the chroma plane has this stride too, in `YU12` each chroma plane
    /// has half of it.
    pub stride: u32,
    /// Meaning of the YUV numbers.
    pub range: Range,
}

/// The widest and highest frame that JPEG can hold (its fields have 16 bits; libjpeg stops at
/// 65500).
pub const MAX_SIDE: u32 = 65_500;

impl FrameFormat {
    /// A format without padding at the ends of lines, full range.
    pub const fn tight(pixel: PixelFormat, width: u32, height: u32) -> Self {
        Self {
            pixel,
            width,
            height,
            stride: pixel.line_bytes(width),
            range: Range::Full,
        }
    }

    /// The bytes that a whole frame has at least, the padding after the very last line not counted;
    /// nothing for compressed formats, whose frames vary.
    pub fn frame_bytes(&self) -> Option<usize> {
        let (stride, height) = (self.stride as usize, self.height as usize);
        let line = self.pixel.line_bytes(self.width) as usize;
        let chroma_lines = height.div_ceil(2);
        let upto_last = |lines: usize, stride: usize, line: usize| {
            lines.checked_sub(1).map_or(0, |before| {
                before.saturating_mul(stride).saturating_add(line)
            })
        };
        let luma = stride.saturating_mul(height);
        match self.pixel {
            PixelFormat::Mjpeg => None,
            PixelFormat::Nv12 => Some(luma.saturating_add(upto_last(chroma_lines, stride, line))),
            PixelFormat::Yu12 => {
                let (stride, line) = (self.chroma_stride(), (self.width as usize).div_ceil(2));
                let first = stride.saturating_mul(chroma_lines);
                Some(luma.saturating_add(first).saturating_add(upto_last(
                    chroma_lines,
                    stride,
                    line,
                )))
            }
            _ => Some(upto_last(height, stride, line)),
        }
    }

    /// Bytes per line of each chroma plane of `YU12`.
    pub fn chroma_stride(&self) -> usize {
        (self.stride as usize).div_ceil(2)
    }

    /// Whether the numbers fit together: sides of 1 to [`MAX_SIDE`], lines at least as long as
    /// their pixels.
    pub fn is_sound(&self) -> bool {
        (1..=MAX_SIDE).contains(&self.width)
            && (1..=MAX_SIDE).contains(&self.height)
            && self.stride >= self.pixel.line_bytes(self.width)
    }
}

impl fmt::Display for FrameFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{} {}", self.width, self.height, self.pixel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fourcc_is_read_back_as_its_own_format() {
        for format in PixelFormat::ALL {
            assert_eq!(PixelFormat::from_fourcc(format.fourcc()), Some(format));
        }
        assert_eq!(PixelFormat::from_fourcc(*b"JPEG"), Some(PixelFormat::Mjpeg));
        assert_eq!(PixelFormat::from_fourcc(*b"H264"), None);
    }

    #[test]
    fn frame_bytes_are_those_the_kernel_documents() {
        let bytes = |pixel, w, h| FrameFormat::tight(pixel, w, h).frame_bytes();
        assert_eq!(bytes(PixelFormat::Yuyv, 640, 480), Some(640 * 480 * 2));
        assert_eq!(bytes(PixelFormat::Nv12, 640, 480), Some(640 * 480 * 3 / 2));
        assert_eq!(bytes(PixelFormat::Yu12, 640, 480), Some(640 * 480 * 3 / 2));
        assert_eq!(bytes(PixelFormat::Rgb24, 640, 480), Some(640 * 480 * 3));
        assert_eq!(bytes(PixelFormat::Grey, 640, 480), Some(640 * 480));
        assert_eq!(bytes(PixelFormat::Mjpeg, 640, 480), None);
    }

    #[test]
    fn odd_sizes_keep_the_shared_chroma_of_the_last_pixel() {
        let bytes = |pixel, w, h| FrameFormat::tight(pixel, w, h).frame_bytes();
        assert_eq!(bytes(PixelFormat::Yuyv, 3, 1), Some(8));
        assert_eq!(bytes(PixelFormat::Yu12, 3, 3), Some(9 + 4 + 4));
        assert_eq!(bytes(PixelFormat::Nv12, 4, 3), Some(12 + 8));
    }

    #[test]
    fn padding_after_the_last_line_may_be_missing() {
        let mut format = FrameFormat::tight(PixelFormat::Rgb24, 10, 4);
        format.stride = 32;
        assert_eq!(format.frame_bytes(), Some(3 * 32 + 30));
        assert!(format.is_sound());
        format.stride = 29;
        assert!(!format.is_sound());
    }
}

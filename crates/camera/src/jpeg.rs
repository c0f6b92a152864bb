//! JPEG encoding by mozjpeg in its fastest profile: baseline, fixed Huffman tables, no trellis.
//!
//! That profile is libjpeg-turbo's own code path; mozjpeg's default one costs 25 times as much and
//! belongs to stored stills. YUV goes in as raw planes, RGB as scan lines.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use mozjpeg::{ColorSpace, Compress};

use super::format::{FrameFormat, PixelFormat};
use super::frame::RawFrame;
use super::planes::{Planes, Sampling};
use super::pool::BufferPool;

/// JPEG quality as libjpeg counts it, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quality(u8);

impl Quality {
    /// Good for streams; the default of the settings.
    pub const STREAM: Self = Self(80);

    /// The quality with this number, or nothing outside 1 to 100.
    pub const fn new(quality: u8) -> Option<Self> {
        match quality {
            1..=100 => Some(Self(quality)),
            _ => None,
        }
    }

    /// The number, 1 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Why a frame could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The numbers of the format contradict each other.
    #[error("a frame cannot be {format} with {} bytes a line", format.stride)]
    Unsound {
        /// What the source said.
        format: FrameFormat,
    },
    /// Fewer bytes than the format needs.
    #[error("a frame of {format} has {got} bytes instead of {needed}")]
    Short {
        /// What the source said.
        format: FrameFormat,
        /// Bytes that came.
        got: usize,
        /// Bytes that a whole frame has.
        needed: usize,
    },
    /// MJPEG is passed through, never encoded.
    #[error("the frame is a JPEG already")]
    Compressed,
    /// The library failed, with its own message.
    #[error("the JPEG library failed: {0}")]
    Library(String),
}

/// An encoder with its buffers; one per encoder thread.
#[derive(Default)]
pub struct Encoder {
    planes: Planes,
    pool: BufferPool,
}

impl Encoder {
    /// A new encoder; buffers are made at the first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes one frame.
    ///
    /// # Errors
    /// [`EncodeError`]; the encoder can be used again after any of them.
    pub fn encode(&mut self, frame: &RawFrame, quality: Quality) -> Result<Bytes, EncodeError> {
        let format = &frame.format;
        if !format.is_sound() {
            return Err(EncodeError::Unsound { format: *format });
        }
        let needed = format.frame_bytes().ok_or(EncodeError::Compressed)?;
        if frame.data.len() < needed {
            return Err(EncodeError::Short {
                format: *format,
                got: frame.data.len(),
                needed,
            });
        }
        let Self { planes, pool } = self;
        // mozjpeg reports its errors by unwinding. What a panic can leave behind in the buffers is
        // a half-filled plane, and the next frame fills them anew.
        pool.fill(|output| {
            catch_unwind(AssertUnwindSafe(|| {
                match planes.split(format, &frame.data) {
                    Some(sampling) => from_planes(format, planes, sampling, quality, output),
                    None => from_rgb(format, &frame.data, quality, output),
                }
            }))
            .unwrap_or_else(|panic| Err(EncodeError::Library(panic_message(panic.as_ref()))))
        })
    }
}

fn settings(format: &FrameFormat, input: ColorSpace, quality: Quality) -> Compress {
    let mut compress = Compress::new(input);
    compress.set_fastest_defaults();
    compress.set_size(format.width as usize, format.height as usize);
    compress.set_quality(f32::from(quality.0));
    compress
}

fn from_planes(
    format: &FrameFormat,
    planes: &Planes,
    sampling: Sampling,
    quality: Quality,
    output: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let (space, chroma) = match sampling {
        Sampling::Luma => (ColorSpace::JCS_GRAYSCALE, None),
        Sampling::Half => (ColorSpace::JCS_YCbCr, Some((2, 1))),
        Sampling::Quarter => (ColorSpace::JCS_YCbCr, Some((2, 2))),
    };
    let mut compress = settings(format, space, quality);
    if let Some(size) = chroma {
        compress.set_chroma_sampling_pixel_sizes(size, size);
    }
    compress.set_raw_data_in(true);
    let mut started = compress.start_compress(output).map_err(|e| library(&e))?;
    if !started.write_raw_data(&planes.all()) {
        return Err(EncodeError::Library("it took no more lines".into()));
    }
    started.finish().map_err(|e| library(&e))?;
    Ok(())
}

fn from_rgb(
    format: &FrameFormat,
    data: &[u8],
    quality: Quality,
    output: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let space = match format.pixel {
        PixelFormat::Bgr24 => ColorSpace::JCS_EXT_BGR,
        _ => ColorSpace::JCS_RGB,
    };
    let mut compress = settings(format, space, quality);
    compress.set_chroma_sampling_pixel_sizes((2, 2), (2, 2));
    let mut started = compress.start_compress(output).map_err(|e| library(&e))?;
    let line_bytes = format.pixel.line_bytes(format.width) as usize;
    let lines = data.chunks(format.stride as usize);
    for line in lines.take(format.height as usize) {
        started
            .write_scanlines(&line[..line_bytes])
            .map_err(|e| library(&e))?;
    }
    started.finish().map_err(|e| library(&e))?;
    Ok(())
}

fn library(error: &std::io::Error) -> EncodeError {
    EncodeError::Library(error.to_string())
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&s| s.to_owned()))
        .unwrap_or_else(|| "without a message".into())
}

#[cfg(test)]
mod tests;

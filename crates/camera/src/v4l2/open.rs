//! Opening a camera: format, size and rate are set, and its buffers mapped.

use std::path::Path;

use v4l::Device;
use v4l::buffer::Type;
use v4l::format::{Colorspace, FourCC, Quantization};
use v4l::io::mmap::Stream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;

use super::call::{call, is_gone};
use super::capabilities::{self, intervals, offered, sizes};
use super::choose::{self, Interval, Offer};
use super::stream::V4l2Source;
use crate::format::{FrameFormat, PixelFormat, Range};
use crate::source::{RequestedMode, SourceError};

/// Buffers shared with the driver: one being read here, one being filled, two for when this thread
/// is late.
const BUFFERS: u32 = 4;

/// Opens the camera at `path` with what comes nearest to `wanted`.
///
/// # Errors
/// [`SourceError`], as [`crate::source::SourceOpener::open`].
pub(super) fn open(path: &Path, wanted: &RequestedMode) -> Result<V4l2Source, SourceError> {
    let device = call("opening the device", || Device::with_path(path))?;
    let card = capabilities::card(&device)?;
    let (format, fourcc) = set_format(&device, wanted)?;
    let interval = set_interval(&device, fourcc, &format, wanted.fps)?;
    let stream = call("mapping its buffers", || {
        Stream::with_buffers(&device, Type::VideoCapture, BUFFERS)
    })?;
    let rate = interval.map_or_else(String::new, |i| format!(" at {i}"));
    let what = format!("V4L2 {}: {card}, {format}{rate}", path.display());
    tracing::info!(
        device = %path.display(),
        card,
        %format,
        rate = rate.trim_start(),
        "camera opened"
    );
    Ok(V4l2Source::new(device, stream, format, what))
}

/// Sets the best format that the device takes; its own answer is what counts.
fn set_format(
    device: &Device,
    wanted: &RequestedMode,
) -> Result<(FrameFormat, FourCC), SourceError> {
    let fourccs = offered(device)?;
    let offers: Vec<Offer> = fourccs
        .iter()
        .filter_map(|&fourcc| {
            let pixel = PixelFormat::from_fourcc(fourcc)?;
            let sizes = sizes(device, fourcc);
            Some(Offer {
                fourcc,
                pixel,
                sizes,
            })
        })
        .collect();
    let mut refused = None;
    for choice in choose::ranked(&offers, wanted) {
        let asked = v4l::Format::new(choice.width, choice.height, FourCC::new(&choice.fourcc));
        match call("setting the format", || device.set_format(&asked)) {
            Ok(taken) => {
                if let Some(format) = frame_format(&taken) {
                    return Ok((format, taken.fourcc));
                }
                let what = format!("asked for {} it sets {}", choice.pixel, taken.fourcc);
                refused = Some(SourceError::Broken { what });
            }
            Err(error @ (SourceError::Gone | SourceError::Busy)) => return Err(error),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| SourceError::Unsupported {
        what: capabilities::no_common_format(&fourccs),
    }))
}

/// What the driver's answer means for the encoder; nothing when it is no format that we read.
fn frame_format(taken: &v4l::Format) -> Option<FrameFormat> {
    let pixel = PixelFormat::from_fourcc(taken.fourcc.repr)?;
    let tight = pixel.line_bytes(taken.width);
    let format = FrameFormat {
        pixel,
        width: taken.width,
        height: taken.height,
        // Some drivers leave it 0 where there is no padding.
        stride: match (pixel, taken.stride) {
            (PixelFormat::Mjpeg, _) => 0,
            (_, 0) => tight,
            (_, stride) => stride,
        },
        range: range(pixel, taken.quantization, taken.colorspace),
    };
    format.is_sound().then_some(format)
}

/// The kernel's own rule, `V4L2_MAP_QUANTIZATION_DEFAULT`: YUV is limited unless its colour space
/// is JPEG's.
const fn range(pixel: PixelFormat, said: Quantization, space: Colorspace) -> Range {
    match (pixel, said, space) {
        // JPEG says it itself, RGB and plain luma have no footroom unless they claim it.
        (PixelFormat::Mjpeg, ..) | (_, Quantization::FullRange, _) => Range::Full,
        (_, Quantization::LimitedRange, _) => Range::Limited,
        (PixelFormat::Rgb24 | PixelFormat::Bgr24 | PixelFormat::Grey, ..)
        | (.., Colorspace::JPEG) => Range::Full,
        _ => Range::Limited,
    }
}

/// Sets the rate that comes nearest to `fps` and returns the one that the device took; nothing when
/// it knows no rates, which is no reason to do without its pictures.
fn set_interval(
    device: &Device,
    fourcc: FourCC,
    format: &FrameFormat,
    fps: u32,
) -> Result<Option<Interval>, SourceError> {
    let offered = intervals(device, fourcc.repr, (format.width, format.height));
    let asked = choose::interval(&offered, fps);
    let parameters = Parameters::new(v4l::Fraction::new(asked.numerator, asked.denominator));
    match call("setting the rate", || device.set_params(&parameters)) {
        Ok(taken) => Ok(Some(Interval::from(taken.interval)).filter(|i| i.is_sound())),
        Err(error) if is_gone(&error) => Err(error),
        Err(error) => {
            tracing::debug!(%error, "the camera keeps its own rate");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Quantization::{Default, FullRange, LimitedRange};

    #[test]
    fn a_stride_of_zero_means_that_there_is_no_padding() {
        let mut taken = v4l::Format::new(640, 480, FourCC::new(b"YUYV"));
        assert_eq!(frame_format(&taken).map(|f| f.stride), Some(1280));
        taken.stride = 1344;
        assert_eq!(frame_format(&taken).map(|f| f.stride), Some(1344));
        taken.stride = 640;
        assert_eq!(
            frame_format(&taken),
            None,
            "a line does not fit into its stride"
        );
    }

    #[test]
    fn yuv_is_limited_unless_the_driver_or_the_colour_space_says_otherwise() {
        let range_of = |fourcc: &[u8; 4], said, space| {
            let mut taken = v4l::Format::new(64, 64, FourCC::new(fourcc));
            (taken.quantization, taken.colorspace) = (said, space);
            frame_format(&taken).map(|f| f.range)
        };
        let srgb = Colorspace::SRGB;
        assert_eq!(range_of(b"YUYV", Default, srgb), Some(Range::Limited));
        assert_eq!(range_of(b"YUYV", FullRange, srgb), Some(Range::Full));
        assert_eq!(
            range_of(b"YUYV", Default, Colorspace::JPEG),
            Some(Range::Full)
        );
        assert_eq!(range_of(b"RGB3", Default, srgb), Some(Range::Full));
        assert_eq!(range_of(b"RGB3", LimitedRange, srgb), Some(Range::Limited));
        assert_eq!(range_of(b"MJPG", LimitedRange, srgb), Some(Range::Full));
    }
}

//! What an open device says of itself: whether it is a camera that this program can read, and its
//! formats, sizes and rates.

use v4l::Device;
use v4l::capability::Flags;
use v4l::format::FourCC;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;

use super::call::call;
use super::choose::{Interval, Intervals, Sizes, Span};
use crate::format::PixelFormat;
use crate::source::SourceError;

/// The camera's name, once it is known to be a camera that this program can read.
///
/// # Errors
/// [`SourceError::Unsupported`] with the reason when it is not.
pub(super) fn card(device: &Device) -> Result<String, SourceError> {
    let capabilities = match call("asking what it is", || device.query_caps()) {
        Ok(capabilities) => capabilities,
        // A name in another encoding than UTF-8 makes the crate panic. The formats will tell what
        // it can do.
        Err(SourceError::Broken { .. }) => return Ok("unnamed camera".to_owned()),
        Err(SourceError::Io { source, .. }) if source.raw_os_error() == Some(libc::ENOTTY) => {
            return Err(SourceError::Unsupported {
                what: "it is not a video device".to_owned(),
            });
        }
        Err(error) => return Err(error),
    };
    refusal(capabilities.capabilities).map_or(Ok(capabilities.card), |what| {
        Err(SourceError::Unsupported { what: what.into() })
    })
}

/// The codes of the formats that the device offers, in its own order.
pub(super) fn offered(device: &Device) -> Result<Vec<[u8; 4]>, SourceError> {
    match call("listing its formats", || device.enum_formats()) {
        Ok(formats) => Ok(formats.iter().map(|f| f.fourcc.repr).collect()),
        // The crate panics on a description that is not UTF-8. Then each format is tried in turn.
        Err(SourceError::Broken { .. }) => Ok(PixelFormat::ALL.map(PixelFormat::fourcc).to_vec()),
        Err(error) => Err(error),
    }
}

/// The sizes offered with this format; none when the device does not say (many drivers do not).
pub(super) fn sizes(device: &Device, fourcc: [u8; 4]) -> Vec<Sizes> {
    let listed = call("listing its sizes", || {
        device.enum_framesizes(FourCC::new(&fourcc))
    });
    let listed = listed.unwrap_or_default();
    listed
        .into_iter()
        .map(|listed| match listed.size {
            FrameSizeEnum::Discrete(size) => Sizes::One(size.width, size.height),
            FrameSizeEnum::Stepwise(s) => Sizes::Range {
                width: Span::new(s.min_width, s.max_width, s.step_width),
                height: Span::new(s.min_height, s.max_height, s.step_height),
            },
        })
        .collect()
}

/// The rates offered with this format and size; none when the device does not say.
pub(super) fn intervals(
    device: &Device,
    fourcc: [u8; 4],
    (width, height): (u32, u32),
) -> Vec<Intervals> {
    let listed = call("listing its rates", || {
        device.enum_frameintervals(FourCC::new(&fourcc), width, height)
    });
    listed
        .unwrap_or_default()
        .into_iter()
        .map(|listed| match listed.interval {
            FrameIntervalEnum::Discrete(one) => Intervals::One(one.into()),
            FrameIntervalEnum::Stepwise(s) => Intervals::Range {
                shortest: s.min.into(),
                longest: s.max.into(),
            },
        })
        .collect()
}

impl From<v4l::Fraction> for Interval {
    fn from(fraction: v4l::Fraction) -> Self {
        Self {
            numerator: fraction.numerator,
            denominator: fraction.denominator,
        }
    }
}

/// Why a device with these capabilities cannot be read, if it cannot.
pub(super) fn refusal(capabilities: Flags) -> Option<&'static str> {
    if !capabilities.contains(Flags::VIDEO_CAPTURE) {
        return Some(if capabilities.contains(Flags::VIDEO_CAPTURE_MPLANE) {
            "it hands out its pictures only in several planes (the multi-planar API), \
             which this program does not read"
        } else {
            "it is a video device but not a camera"
        });
    }
    (!capabilities.contains(Flags::STREAMING))
        .then_some("it cannot stream into mapped buffers, only be read like a file")
}

/// Says what the device has when none of it is of use.
pub(super) fn no_common_format(offered: &[[u8; 4]]) -> String {
    /// More would not fit onto the placeholder.
    const SHOWN: usize = 6;
    if offered.is_empty() {
        return "it offers no pixel format at all".to_owned();
    }
    let mut names: Vec<String> = offered
        .iter()
        .take(SHOWN)
        .map(|code| code.escape_ascii().to_string().trim_end().to_owned())
        .collect();
    if offered.len() > SHOWN {
        names.push("…".to_owned());
    }
    format!("it offers only {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named() {
        let camera = Flags::VIDEO_CAPTURE | Flags::STREAMING;
        assert_eq!(refusal(camera), None);
        let words = |flags| refusal(flags).unwrap_or_default();
        assert!(words(Flags::VIDEO_CAPTURE_MPLANE | Flags::STREAMING).contains("multi-planar"));
        assert!(words(Flags::VIDEO_OUTPUT | Flags::STREAMING).contains("not a camera"));
        assert!(words(Flags::META_CAPTURE | Flags::STREAMING).contains("not a camera"));
        assert!(words(Flags::VIDEO_CAPTURE | Flags::READ_WRITE).contains("mapped buffers"));
    }

    #[test]
    fn formats_without_use_are_listed_in_printable_letters() {
        assert_eq!(
            no_common_format(&[*b"H264", *b"Y16 "]),
            "it offers only H264, Y16"
        );
        assert_eq!(
            no_common_format(&[[0, 7, b'a', b'b']]),
            "it offers only \\x00\\x07ab"
        );
        assert!(no_common_format(&[*b"H264"; 80]).ends_with("H264, …"));
    }
}

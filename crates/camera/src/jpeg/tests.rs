//! What is encoded is decoded by libjpeg-turbo and compared with the picture it was made from.

use std::time::{Instant, SystemTime};

use super::*;
use crate::format::Range;

/// A smooth picture in full-range YCbCr, so that chroma subsampling costs little.
fn scene(x: u32, y: u32, width: u32, height: u32) -> [u8; 3] {
    let (fx, fy) = (
        f64::from(x) / f64::from(width),
        f64::from(y) / f64::from(height),
    );
    [
        (40.0 + 170.0 * (0.5 + 0.5 * (fx * 7.0).sin() * (fy * 5.0).cos())) as u8,
        (60.0 + 120.0 * fx) as u8,
        (190.0 - 120.0 * fy) as u8,
    ]
}

fn to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
    [
        y + 1.402 * cr,
        y - 0.344_136 * cb - 0.714_136 * cr,
        y + 1.772 * cb,
    ]
    .map(|v| v.round().clamp(0.0, 255.0) as u8)
}

fn limited([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let squeeze = |c: u8| (128.0 + (f64::from(c) - 128.0) * 224.0 / 255.0).round() as u8;
    [
        (16.0 + f64::from(y) * 219.0 / 255.0).round() as u8,
        squeeze(cb),
        squeeze(cr),
    ]
}

/// The scene in any raw format, with `extra` bytes of rubbish after each line but the last.
fn raw(pixel: PixelFormat, width: u32, height: u32, extra: u32, range: Range) -> RawFrame {
    let mut format = FrameFormat::tight(pixel, width, height);
    format.stride += extra;
    format.range = range;
    let at = |x: u32, y: u32| {
        let sample = scene(x.min(width - 1), y.min(height - 1), width, height);
        match range {
            Range::Full => sample,
            Range::Limited => limited(sample),
        }
    };
    let mut data = Vec::new();
    let mut line = |stride: usize, bytes: Vec<u8>| {
        assert!(bytes.len() <= stride);
        let end = data.len() + stride;
        data.extend(bytes);
        data.resize(end, 0xEE);
    };
    let stride = format.stride as usize;
    for y in 0..height {
        let bytes = match pixel {
            PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::Yvyu => (0..width.div_ceil(2))
                .flat_map(|pair| {
                    let ([y0, cb, cr], [y1, ..]) = (at(pair * 2, y), at(pair * 2 + 1, y));
                    match pixel {
                        PixelFormat::Yuyv => [y0, cb, y1, cr],
                        PixelFormat::Uyvy => [cb, y0, cr, y1],
                        _ => [y0, cr, y1, cb],
                    }
                })
                .collect(),
            PixelFormat::Rgb24 => (0..width).flat_map(|x| to_rgb(at(x, y))).collect(),
            PixelFormat::Bgr24 => (0..width)
                .flat_map(|x| {
                    let [r, g, b] = to_rgb(at(x, y));
                    [b, g, r]
                })
                .collect(),
            _ => (0..width).map(|x| at(x, y)[0]).collect(),
        };
        line(stride, bytes);
    }
    let half = |plane: usize, y: u32| (0..width.div_ceil(2)).map(move |x| at(x * 2, y * 2)[plane]);
    let chroma_lines = 0..height.div_ceil(2);
    match pixel {
        PixelFormat::Nv12 => chroma_lines.for_each(|y| {
            let pairs = half(1, y).zip(half(2, y));
            line(stride, pairs.flat_map(|(cb, cr)| [cb, cr]).collect());
        }),
        PixelFormat::Yu12 => (1..=2).for_each(|plane| {
            for y in chroma_lines.clone() {
                line(format.chroma_stride(), half(plane, y).collect());
            }
        }),
        _ => {}
    }
    RawFrame {
        format,
        data: data.into(),
        captured_at: SystemTime::now(),
        captured: Instant::now(),
        sequence: 0,
    }
}

/// Peak signal-to-noise ratio in dB of a JPEG against the scene, in RGB (in luma alone for grey).
fn psnr(jpeg: &[u8], pixel: PixelFormat, width: u32, height: u32) -> f64 {
    let decoded = turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB).unwrap();
    assert_eq!(
        (decoded.width, decoded.height),
        (width as usize, height as usize)
    );
    let mut error = 0.0;
    for y in 0..height {
        for x in 0..width {
            let sample = scene(x, y, width, height);
            let wanted = match pixel {
                PixelFormat::Grey => [sample[0]; 3],
                _ => to_rgb(sample),
            };
            let at = y as usize * decoded.pitch + x as usize * 3;
            for (got, wanted) in decoded.pixels[at..at + 3].iter().zip(wanted) {
                error += (f64::from(*got) - f64::from(wanted)).powi(2);
            }
        }
    }
    let mean = error / f64::from(width * height * 3);
    10.0 * (255.0_f64.powi(2) / mean.max(1e-9)).log10()
}

const RAW: [PixelFormat; 8] = [
    PixelFormat::Yuyv,
    PixelFormat::Uyvy,
    PixelFormat::Yvyu,
    PixelFormat::Nv12,
    PixelFormat::Yu12,
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
    PixelFormat::Grey,
];

#[test]
fn every_raw_format_decodes_to_the_picture_it_was_made_from() {
    let mut encoder = Encoder::new();
    for pixel in RAW {
        for (width, height, extra) in [
            (640, 480, 0),
            (322, 242, 64),
            (97, 75, 0),
            (99, 77, 6),
            (1920, 1080, 0),
            (16, 16, 0),
        ] {
            let frame = raw(pixel, width, height, extra, Range::Full);
            let jpeg = encoder
                .encode(&frame, Quality::new(92).unwrap())
                .unwrap_or_else(|e| panic!("{pixel} {width}x{height}: {e}"));
            let quality = psnr(&jpeg, pixel, width, height);
            // Tiny pictures have steep gradients, which half-resolution chroma cannot follow.
            let wanted = if width < 64 { 24.0 } else { 34.0 };
            assert!(
                quality > wanted,
                "{pixel} {width}x{height}+{extra}: {quality:.1} dB"
            );
        }
    }
}

#[test]
fn the_smallest_frames_are_encoded_too() {
    let mut encoder = Encoder::new();
    for pixel in RAW {
        for (width, height) in [(1, 1), (2, 1), (1, 2), (7, 9), (17, 33)] {
            let frame = raw(pixel, width, height, 0, Range::Full);
            let jpeg = encoder.encode(&frame, Quality::STREAM).unwrap();
            let header = turbojpeg::read_header(&jpeg).unwrap();
            assert_eq!(
                (header.width, header.height),
                (width as usize, height as usize)
            );
        }
    }
}

#[test]
fn limited_range_video_decodes_with_full_contrast() {
    for pixel in [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Yu12] {
        let frame = raw(pixel, 320, 240, 0, Range::Limited);
        let jpeg = Encoder::new()
            .encode(&frame, Quality::new(92).unwrap())
            .unwrap();
        let quality = psnr(&jpeg, pixel, 320, 240);
        assert!(quality > 34.0, "{pixel}: {quality:.1} dB");
        let washed_out = RawFrame {
            format: FrameFormat {
                range: Range::Full,
                ..frame.format
            },
            ..frame
        };
        let jpeg = Encoder::new()
            .encode(&washed_out, Quality::new(92).unwrap())
            .unwrap();
        let washed_out = psnr(&jpeg, pixel, 320, 240);
        assert!(
            washed_out + 3.0 < quality,
            "{pixel}: no better than {washed_out:.1} dB"
        );
    }
}

#[test]
fn chroma_keeps_the_resolution_it_came_with() {
    let subsampling = |pixel| {
        let frame = raw(pixel, 64, 48, 0, Range::Full);
        let jpeg = Encoder::new().encode(&frame, Quality::STREAM).unwrap();
        turbojpeg::read_header(&jpeg).unwrap().subsamp
    };
    assert_eq!(subsampling(PixelFormat::Yuyv), turbojpeg::Subsamp::Sub2x1);
    assert_eq!(subsampling(PixelFormat::Nv12), turbojpeg::Subsamp::Sub2x2);
    assert_eq!(subsampling(PixelFormat::Grey), turbojpeg::Subsamp::Gray);
}

#[test]
fn a_short_frame_is_refused_and_the_encoder_goes_on() {
    let mut encoder = Encoder::new();
    for pixel in RAW {
        let whole = raw(pixel, 40, 30, 0, Range::Full);
        let mut short = whole.clone();
        short.data.truncate(whole.data.len() - 1);
        assert!(matches!(
            encoder.encode(&short, Quality::STREAM),
            Err(EncodeError::Short { .. })
        ));
        assert!(encoder.encode(&whole, Quality::STREAM).is_ok());
    }
}

#[test]
fn what_the_library_refuses_by_unwinding_comes_back_as_an_error() {
    // libjpeg takes up to 65,500 pixels a side: `is_sound` holds more back, so ask its own
    // function.
    let format = FrameFormat::tight(PixelFormat::Rgb24, 70_000, 1);
    let data = vec![0; format.frame_bytes().unwrap()];
    let panic = catch_unwind(AssertUnwindSafe(|| {
        from_rgb(&format, &data, Quality::STREAM, &mut Vec::new())
    }))
    .unwrap_err();
    assert!(panic_message(panic.as_ref()).contains("Maximum supported image dimension"));
    let frame = RawFrame {
        format,
        data: data.into(),
        ..raw(PixelFormat::Grey, 1, 1, 0, Range::Full)
    };
    assert!(matches!(
        Encoder::new().encode(&frame, Quality::STREAM),
        Err(EncodeError::Unsound { .. })
    ));
}

//! MJPEG frames made into JPEG files: checked to be whole, and given the Huffman tables that
//! cameras leave out.
//!
//! Nothing is decoded. The markers before the scan are walked (ITU-T T.81 annex B), the
//! end-of-image marker is looked for from the back, and what lies behind it (padding of the driver)
//! is cut off.

use bytes::{Bytes, BytesMut};

use super::huffman;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DHT: u8 = 0xC4;
/// Start of frame: all of C0 to CF but DHT, JPG and DAC.
const SOF: [u8; 13] = [
    0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF,
];

/// The length of a start-of-frame segment without components, its length field counted.
const SHORTEST_SOF: usize = 8;

/// Why a frame is not a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MjpegError {
    /// It does not begin like a JPEG, or its markers make no sense.
    #[error("the frame is not a JPEG")]
    NotJpeg,
    /// It begins well and stops before the end-of-image marker.
    #[error("the frame is cut off")]
    Truncated,
}

/// Where the parts of a frame are, as its markers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JpegLayout {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels (lines).
    pub height: u32,
    /// Where the start-of-scan marker is.
    scan: usize,
    /// The length up to and with the end-of-image marker.
    end: usize,
    has_tables: bool,
}

/// Reads the markers of one frame.
///
/// # Errors
/// [`MjpegError`] when the frame must not be shown.
pub fn inspect(frame: &[u8]) -> Result<JpegLayout, MjpegError> {
    if frame.get(..2) != Some(&[0xFF, SOI]) {
        return Err(MjpegError::NotJpeg);
    }
    let mut at = 2;
    let mut size = None;
    let mut has_tables = false;
    let scan_header = loop {
        let marker = match frame.get(at..at + 2) {
            Some(&[0xFF, 0xFF]) => {
                at += 1; // fill byte
                continue;
            }
            Some(&[0xFF, marker]) => marker,
            Some(_) => return Err(MjpegError::NotJpeg),
            None => return Err(MjpegError::Truncated),
        };
        let Some(&[high, low]) = frame.get(at + 2..at + 4) else {
            return Err(MjpegError::Truncated);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < 2 {
            return Err(MjpegError::NotJpeg);
        }
        match marker {
            SOS => break length,
            DHT => has_tables = true,
            // Precision, size and the number of components are its own, not the next segment's.
            _ if SOF.contains(&marker) && length < SHORTEST_SOF => return Err(MjpegError::NotJpeg),
            _ if SOF.contains(&marker) => {
                let Some(&[height_1, height_0, width_1, width_0]) = frame.get(at + 5..at + 9)
                else {
                    return Err(MjpegError::Truncated);
                };
                size = Some((
                    u16::from_be_bytes([width_1, width_0]),
                    u16::from_be_bytes([height_1, height_0]),
                ));
            }
            _ => {}
        }
        at += 2 + length;
    };
    let (width, height) = size
        .filter(|&(w, h)| w > 0 && h > 0)
        .ok_or(MjpegError::NotJpeg)?;
    let picture = at + 2 + scan_header;
    let end = frame
        .get(picture..)
        .and_then(|data| data.windows(2).rposition(|pair| pair == [0xFF, EOI]))
        .ok_or(MjpegError::Truncated)?;
    Ok(JpegLayout {
        width: width.into(),
        height: height.into(),
        scan: at,
        end: picture + end + 2,
        has_tables,
    })
}

/// The frame as a whole JPEG file: itself, without a copy, when it has its own Huffman tables.
pub fn complete(frame: &Bytes, layout: &JpegLayout) -> Bytes {
    if layout.has_tables {
        return frame.slice(..layout.end);
    }
    let mut whole = BytesMut::with_capacity(layout.end + huffman::STANDARD.len());
    whole.extend_from_slice(&frame[..layout.scan]);
    whole.extend_from_slice(&huffman::STANDARD);
    whole.extend_from_slice(&frame[layout.scan..layout.end]);
    whole.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG from another encoder with its Huffman tables, and the same without.
    fn with_and_without_tables() -> (Bytes, Bytes) {
        let image = turbojpeg::Image::mandelbrot(320, 240, turbojpeg::PixelFormat::RGB);
        let whole = turbojpeg::compress(image.as_deref(), 85, turbojpeg::Subsamp::Sub2x1).unwrap();
        let mut bare = Vec::new();
        let mut at = 2;
        bare.extend_from_slice(&whole[..2]);
        while whole[at + 1] != SOS {
            let length = 2 + usize::from(u16::from_be_bytes([whole[at + 2], whole[at + 3]]));
            if whole[at + 1] != DHT {
                bare.extend_from_slice(&whole[at..at + length]);
            }
            at += length;
        }
        bare.extend_from_slice(&whole[at..]);
        (Bytes::copy_from_slice(&whole), bare.into())
    }

    fn pixels(jpeg: &[u8]) -> Vec<u8> {
        turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB)
            .unwrap()
            .pixels
    }

    #[test]
    fn a_frame_without_huffman_tables_decodes_once_they_are_inserted() {
        let (whole, bare) = with_and_without_tables();
        assert!(bare.len() < whole.len());
        let completed = complete(&bare, &inspect(&bare).unwrap());
        assert_eq!(pixels(&completed), pixels(&whole));
    }

    #[test]
    fn a_complete_frame_is_passed_through_without_a_copy() {
        let (whole, _) = with_and_without_tables();
        let layout = inspect(&whole).unwrap();
        assert_eq!((layout.width, layout.height), (320, 240));
        let passed = complete(&whole, &layout);
        assert_eq!(passed.as_ptr(), whole.as_ptr());
        assert_eq!(passed, whole);
    }

    #[test]
    fn padding_behind_the_picture_is_cut_off() {
        let (whole, _) = with_and_without_tables();
        let mut padded = whole.to_vec();
        padded.resize(padded.len() + 5000, 0);
        let padded = Bytes::from(padded);
        assert_eq!(complete(&padded, &inspect(&padded).unwrap()), whole);
    }

    #[test]
    fn a_frame_cut_off_anywhere_is_a_fault_and_never_a_panic() {
        let (whole, bare) = with_and_without_tables();
        for frame in [whole, bare] {
            for length in 2..frame.len() {
                assert_eq!(
                    inspect(&frame[..length]),
                    Err(MjpegError::Truncated),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_jpeg_is_refused() {
        let not_jpegs: [&[u8]; 6] = [
            b"",
            b"\x00",
            b"GIF89a",
            b"\xFF\xD8\x00\x00\x00\x00",
            b"\xFF\xD8\xFF\xE0\x00\x01\xFF\xDA",
            // Its size would be the marker behind it.
            b"\xFF\xD8\xFF\xC5\x00\x03\x12\xFF\xDA\xFF\xD9",
        ];
        for frame in not_jpegs {
            assert_eq!(inspect(frame), Err(MjpegError::NotJpeg), "{frame:?}");
        }
    }

    #[test]
    fn an_end_within_the_header_of_the_scan_is_none() {
        let start = b"\xFF\xD8\xFF\xC0\x00\x08\x08\x00\x01\x00\x01\x00\xFF\xDA\x00\x04\xFF\xD9";
        assert_eq!(inspect(start), Err(MjpegError::Truncated));
        let whole = [&start[..], b"\x00\xFF\xD9"].concat();
        assert_eq!(inspect(&whole).unwrap().end, whole.len());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let mut frame = vec![0xFF, SOI];
            frame.extend(bytes);
            if let Ok(layout) = inspect(&frame) {
                complete(&frame.into(), &layout);
            }
        }
    }
}

//! Which video devices there are, and which of them are cameras that this program can read.

use std::fs;
use std::path::{Path, PathBuf};

use v4l::Device;

use super::call::call;
use super::capabilities;
use crate::format::PixelFormat;
use crate::source::SourceError;

/// A node `/dev/video*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoDevice {
    /// The path of the node.
    pub path: PathBuf,
    /// What the driver calls the device, e.g. "HD Pro Webcam C920"; empty when it is not known.
    pub name: String,
    /// Whether it is a camera that can be used.
    pub usability: Usability,
}

/// Whether a video device is a camera that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usability {
    /// A camera with at least one pixel format that can be encoded or passed through.
    Camera {
        /// Those formats, in the device's own order.
        formats: Vec<PixelFormat>,
    },
    /// Something else, or a camera that cannot be read or opened.
    Unusable {
        /// The reason, as a clause for people: "it is a video device but not a camera".
        why: String,
    },
}

/// All nodes `/dev/video<number>`, in the order of their numbers. Each is opened for a moment.
pub fn devices() -> Vec<VideoDevice> {
    let Ok(entries) = fs::read_dir("/dev") else {
        return Vec::new();
    };
    let mut numbers: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| number(entry.file_name().to_str()?))
        .collect();
    numbers.sort_unstable();
    numbers.into_iter().map(describe).collect()
}

/// The device that `source = "auto"` means: the first that is a camera.
pub fn first_camera(listed: &[VideoDevice]) -> Option<&VideoDevice> {
    listed
        .iter()
        .find(|device| matches!(device.usability, Usability::Camera { .. }))
}

fn number(file_name: &str) -> Option<u32> {
    let digits = file_name.strip_prefix("video")?;
    // `parse` alone would take a sign.
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    digits.parse().ok()
}

fn describe(number: u32) -> VideoDevice {
    let path = PathBuf::from(format!("/dev/video{number}"));
    let name = fs::read(format!("/sys/class/video4linux/video{number}/name"));
    let name = String::from_utf8_lossy(&name.unwrap_or_default())
        .trim()
        .to_owned();
    let usability = usability(&path);
    VideoDevice {
        path,
        name,
        usability,
    }
}

fn usability(path: &Path) -> Usability {
    let formats = call("opening the device", || Device::with_path(path)).and_then(|device| {
        capabilities::card(&device)?;
        capabilities::offered(&device)
    });
    match formats {
        Err(SourceError::Unsupported { what }) => Usability::Unusable { why: what },
        Err(error) => Usability::Unusable {
            why: error.to_string(),
        },
        Ok(offered) => of_formats(&offered),
    }
}

fn of_formats(offered: &[[u8; 4]]) -> Usability {
    let formats: Vec<_> = offered
        .iter()
        .filter_map(|&code| PixelFormat::from_fourcc(code))
        .collect();
    if formats.is_empty() {
        Usability::Unusable {
            why: capabilities::no_common_format(offered),
        }
    } else {
        Usability::Camera { formats }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nodes_with_a_plain_number_are_devices() {
        assert_eq!(number("video0"), Some(0));
        assert_eq!(number("video12"), Some(12));
        for other in [
            "video",
            "video+1",
            "video-1",
            "video0a",
            "v4l",
            "vide0",
            "video99999999999",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    fn listed(path: &str, offered: &[[u8; 4]]) -> VideoDevice {
        VideoDevice {
            path: path.into(),
            name: String::new(),
            usability: of_formats(offered),
        }
    }

    #[test]
    fn auto_is_the_first_device_that_can_capture_something_we_serve() {
        let all = [
            listed("/dev/video0", &[]),
            listed("/dev/video1", &[*b"H264"]),
            listed("/dev/video2", &[*b"H264", *b"MJPG"]),
            listed("/dev/video3", &[*b"YUYV"]),
        ];
        let first = first_camera(&all).map(|l| l.path.as_path());
        assert_eq!(first, Some(Path::new("/dev/video2")));
        assert_eq!(first_camera(&all[..2]), None);
    }
}

//! Which video devices there are, and which of them are cameras that this program can read.

use std::fs;
use std::path::{Path, PathBuf};

use v4l::Device;
use v4l::capability::Flags;

use super::call::call;
use super::open;
use crate::format::PixelFormat;
use crate::source::SourceError;

/// A node `/dev/video*`, as `doctor` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The node.
    pub path: PathBuf,
    /// What the driver calls the device, e.g. "HD Pro Webcam C920"; empty when nothing tells.
    pub name: String,
    /// What it is good for.
    pub ability: Ability,
}

/// What a video device is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ability {
    /// A camera with these pixel formats (four-character codes) that we can serve.
    Camera {
        /// In the device's own order.
        formats: Vec<PixelFormat>,
    },
    /// Something else, or a camera that we cannot read: why, e.g. "it is not a camera".
    Unusable {
        /// A clause for people.
        why: String,
    },
}

/// All nodes `/dev/video<number>`, by number. Each is opened for a moment.
pub fn devices() -> Vec<Listed> {
    let Ok(entries) = fs::read_dir("/dev") else {
        return Vec::new();
    };
    let mut numbers: Vec<u32> = entries
        .flatten()
        .filter_map(|entry| number(entry.file_name().to_str()?))
        .collect();
    numbers.sort_unstable();
    numbers.into_iter().map(look_at).collect()
}

/// The device that `source_selector` means: the first that is a camera.
pub fn first_camera(listed: &[Listed]) -> Option<&Listed> {
    listed
        .iter()
        .find(|device| matches!(device.ability, Ability::Camera { .. }))
}

fn number(file_name: &str) -> Option<u32> {
    let digits = file_name.strip_prefix("video")?;
    // `parse` alone would take a sign.
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    digits.parse().ok()
}

fn look_at(number: u32) -> Listed {
    let path = PathBuf::from(format!("/dev/video{number}"));
    let name = fs::read(format!("/sys/class/video4linux/video{number}/name"));
    let name = String::from_utf8_lossy(&name.unwrap_or_default())
        .trim()
        .to_owned();
    let ability = ability(&path);
    Listed {
        path,
        name,
        ability,
    }
}

fn ability(path: &Path) -> Ability {
    let formats = call("opening the device", || Device::with_path(path)).and_then(|device| {
        open::card(&device)?;
        open::offered(&device)
    });
    match formats {
        Err(SourceError::Unsupported { what }) => Ability::Unusable { why: what },
        Err(error) => Ability::Unusable {
            why: error.to_string(),
        },
        Ok(offered) => judge(&offered),
    }
}

fn judge(offered: &[[u8; 4]]) -> Ability {
    let formats: Vec<_> = offered
        .iter()
        .filter_map(|&code| PixelFormat::from_fourcc(code))
        .collect();
    if formats.is_empty() {
        Ability::Unusable {
            why: no_common_format(offered),
        }
    } else {
        Ability::Camera { formats }
    }
}

/// Why a device with these capabilities cannot be read, if it cannot.
pub(super) fn refusal(capabilities: Flags) -> Option<&'static str> {
    if !capabilities.contains(Flags::VIDEO_CAPTURE) {
        return Some(if capabilities.contains(Flags::VIDEO_CAPTURE_MPLANE) {
            "it hands out its pictures only in several planes (the multi-planar API), which this program does not read"
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

    fn listed(path: &str, offered: &[[u8; 4]]) -> Listed {
        Listed {
            path: path.into(),
            name: String::new(),
            ability: judge(offered),
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

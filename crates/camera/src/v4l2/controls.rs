//! A V4L2 device's controls: which of them people can set, and their values.
//!
//! The crate's own list ends with a panic at the first control of a kind or name that it does not
//! know (its issue 98), and cannot read menus of numbers; so the four calls are made here, and
//! controls of other kinds are left out.

use std::path::Path;
use std::time::Instant;
use std::{fs, io, mem};

use v4l::Device;
use v4l::control::{Flags, MenuItem, Type};
use v4l::v4l_sys::{
    V4L2_CTRL_FLAG_NEXT_CTRL, v4l2_control, v4l2_query_ext_ctrl, v4l2_querymenu,
    v4l2_querymenu__bindgen_ty_1,
};

use super::call::{call, is_gone};
use super::ioctl::{GetControl, QueryControl, QueryMenu, SetControl, ioctl};
use super::{capabilities, modes};
use crate::control::{
    Access, Control, ControlId, ControlKind, MAX_CONTROLS, MAX_OPTIONS, MenuOption, clean,
};
use crate::control_device::{ConnectionId, ControlDevice, DeviceKind};
use crate::modes::Mode;
use crate::source::SourceError;

/// Controls of any kind that are read: the list of a broken driver may have no end.
const MAX_READ: usize = 1024;

/// An open device, for its controls.
pub(super) struct V4l2ControlDevice {
    device: Device,
    camera: String,
    connection: ConnectionId,
}

impl V4l2ControlDevice {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        use std::os::unix::fs::MetadataExt as _;
        // Plugging it in makes a new node, with a new number in its file system.
        let connection = fs::metadata(path).map_or(0, |node| node.ino());
        let device = call("opening the device", || Device::with_path(path))?;
        Ok(Self {
            camera: clean(&capabilities::card(&device)?),
            connection: ConnectionId(connection),
            device,
        })
    }

    /// What the device says of this control, or with [`V4L2_CTRL_FLAG_NEXT_CTRL`] of the next one;
    /// `None` where there is none.
    fn query(&self, id: u32) -> Result<Option<v4l2_query_ext_ctrl>, SourceError> {
        let mut query = v4l2_query_ext_ctrl {
            id,
            type_: 0,
            name: [0; 32],
            minimum: 0,
            maximum: 0,
            step: 0,
            default_value: 0,
            flags: 0,
            elem_size: 0,
            elems: 0,
            nr_of_dims: 0,
            dims: [0; 4],
            reserved: [0; 32],
        };
        match call("listing its controls", || {
            ioctl::<QueryControl>(&self.device, &mut query).map_err(of_control)
        }) {
            Ok(()) => Ok(Some(query)),
            // The end of the list; ENOTTY: a device without controls.
            Err(SourceError::Io { source, .. })
                if matches!(source.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The control with its value and options; `None` for one that is left out.
    fn describe(&self, query: &v4l2_query_ext_ctrl) -> Result<Option<Control>, SourceError> {
        let Some(mut control) = without_value(query) else {
            return Ok(None);
        };
        if control.kind == ControlKind::Menu {
            control.options = self.options(query)?;
        }
        if control.kind != ControlKind::Button {
            control.value = match self.value(control.id) {
                Ok(value) => Some(value),
                Err(error) if is_gone(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(
                        control = control.name,
                        %error,
                        "a control without a value is passed over"
                    );
                    return Ok(None);
                }
            };
        }
        Ok(Some(control))
    }

    fn value(&self, id: ControlId) -> Result<i32, SourceError> {
        let mut control = v4l2_control { id: id.0, value: 0 };
        call("reading a control", || {
            ioctl::<GetControl>(&self.device, &mut control).map_err(of_control)
        })?;
        Ok(control.value)
    }

    /// A menu's entries. Some numbers have none (`VIDIOC_QUERYMENU` may answer EINVAL for them).
    fn options(&self, query: &v4l2_query_ext_ctrl) -> Result<Vec<MenuOption>, SourceError> {
        let kind = if query.type_ == Type::IntegerMenu as u32 {
            Type::IntegerMenu
        } else {
            Type::Menu
        };
        let mut options = Vec::new();
        for value in (query.minimum..=query.maximum).take(MAX_OPTIONS) {
            let (Ok(index), Ok(value)) = (u32::try_from(value), i32::try_from(value)) else {
                continue;
            };
            let mut item = v4l2_querymenu {
                id: query.id,
                index,
                __bindgen_anon_1: v4l2_querymenu__bindgen_ty_1 { name: [0; 32] },
                reserved: 0,
            };
            let read = call("listing a menu", || {
                ioctl::<QueryMenu>(&self.device, &mut item).map_err(of_control)?;
                // It panics where the name is not UTF-8.
                MenuItem::try_from((kind, item)).map_err(|()| io::ErrorKind::InvalidData.into())
            });
            let name = match read {
                Ok(MenuItem::Name(name)) => clean(&name),
                Ok(MenuItem::Value(number)) => number.to_string(),
                Err(error) if is_gone(&error) => return Err(error),
                Err(_) => continue,
            };
            options.push(MenuOption { value, name });
        }
        Ok(options)
    }
}

impl ControlDevice for V4l2ControlDevice {
    fn camera(&self) -> &str {
        &self.camera
    }

    fn kind(&self) -> DeviceKind {
        DeviceKind::Device
    }

    fn connection(&self) -> ConnectionId {
        self.connection
    }

    fn controls(&self, until: Instant) -> Result<Vec<Control>, SourceError> {
        let mut controls = Vec::new();
        let mut last = 0;
        for _ in 0..MAX_READ {
            if Instant::now() > until {
                return Err(SourceError::Broken {
                    what: "it takes too long to list its controls".to_owned(),
                });
            }
            // The kernel leaves out arrays and structures unless they are asked for.
            let Some(query) = self.query(last | V4L2_CTRL_FLAG_NEXT_CTRL)? else {
                break;
            };
            // A list that does not rise would have no end.
            if query.id <= last || controls.len() >= MAX_CONTROLS {
                break;
            }
            last = query.id;
            controls.extend(self.describe(&query)?);
        }
        Ok(controls)
    }

    fn control(&self, id: ControlId) -> Result<Option<Control>, SourceError> {
        // The flags of a list in a number from outside would ask for another control.
        if id.0 & !ID_MASK != 0 {
            return Ok(None);
        }
        let query = self.query(id.0)?;
        query.map_or(Ok(None), |query| self.describe(&query))
    }

    fn set(&self, id: ControlId, value: i32) -> Result<(), SourceError> {
        let mut control = v4l2_control { id: id.0, value };
        call("setting a control", || {
            ioctl::<SetControl>(&self.device, &mut control).map_err(of_control)
        })
    }

    fn modes(&self, until: Instant) -> Vec<Mode> {
        modes::of(&self.device, until)
    }
}

/// The bits of a control's number, without the flags (`V4L2_CTRL_ID_MASK`).
const ID_MASK: u32 = 0x0fff_ffff;

/// The control without its value and options; `None` for those that are left out.
fn without_value(query: &v4l2_query_ext_ctrl) -> Option<Control> {
    let flags = Flags::from_bits_truncate(query.flags);
    let is_unsupported =
        flags.intersects(Flags::DISABLED | Flags::HAS_PAYLOAD) || query.nr_of_dims > 0;
    let kind = kind(query.type_).filter(|_| !is_unsupported)?;
    // A button is written only; another control that is cannot be shown.
    if kind != ControlKind::Button && flags.contains(Flags::WRITE_ONLY) {
        return None;
    }
    // A value that changes by itself is shown; to set it would not last.
    let is_fixed = Flags::READ_ONLY | Flags::VOLATILE;
    let number = |n: i64| i32::try_from(n).ok();
    Some(Control {
        id: ControlId(query.id),
        name: name(&query.name),
        kind,
        value: None,
        min: number(query.minimum)?,
        max: number(query.maximum)?,
        step: u32::try_from(query.step).ok()?.max(1),
        default: number(query.default_value)?,
        options: Vec::new(),
        access: if flags.intersects(is_fixed) {
            Access::ReadOnly
        } else if flags.intersects(Flags::INACTIVE | Flags::GRABBED) {
            Access::Inactive
        } else {
            Access::Writable
        },
    })
}

/// The kinds with a value of 32 bits that people can choose.
fn kind(number: u32) -> Option<ControlKind> {
    const INTEGER: u32 = Type::Integer as u32;
    const BOOLEAN: u32 = Type::Boolean as u32;
    const MENU: u32 = Type::Menu as u32;
    const BUTTON: u32 = Type::Button as u32;
    const INTEGER_MENU: u32 = Type::IntegerMenu as u32;
    match number {
        INTEGER => Some(ControlKind::Integer),
        BOOLEAN => Some(ControlKind::Boolean),
        MENU | INTEGER_MENU => Some(ControlKind::Menu),
        BUTTON => Some(ControlKind::Button),
        _ => None,
    }
}

/// The device's name for a control, whatever its encoding.
fn name(letters: &[std::os::raw::c_char]) -> String {
    let bytes: Vec<u8> = letters
        .iter()
        .map(|letter| letter.to_ne_bytes()[0])
        .collect();
    clean(&String::from_utf8_lossy(&bytes))
}

/// Cameras answer EIO and ENOENT to a request for one control that they refuse; [`call`] would take
/// that for a camera that has left.
fn of_control(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EIO | libc::ENOENT) => io::Error::other(error.to_string()),
        _ => error,
    }
}

const _: () = assert!(
    mem::size_of::<v4l2_query_ext_ctrl>() == 232,
    "the kernel's own layout"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn query(kind: Type, flags: Flags) -> v4l2_query_ext_ctrl {
        let mut name = [0; 32];
        for (to, from) in name.iter_mut().zip(b"Gain\0\x1b\xff") {
            *to = from.cast_signed();
        }
        v4l2_query_ext_ctrl {
            id: 0x0098_0913,
            type_: kind.into(),
            name,
            minimum: -5,
            maximum: 5,
            step: 0,
            default_value: 1,
            flags: flags.bits(),
            elem_size: 4,
            elems: 1,
            nr_of_dims: 0,
            dims: [0; 4],
            reserved: [0; 32],
        }
    }

    #[test]
    fn a_plain_control_is_listed() {
        let gain = without_value(&query(Type::Integer, Flags::SLIDER)).unwrap();
        assert_eq!(
            (gain.name.as_str(), gain.kind, gain.min, gain.max, gain.step),
            ("Gain", ControlKind::Integer, -5, 5, 1)
        );
        assert_eq!(gain.access, Access::Writable);
    }

    #[test]
    fn unsupported_controls_are_left_out() {
        for kind in [
            Type::Integer64,
            Type::CtrlClass,
            Type::String,
            Type::Bitmask,
            Type::U8,
            Type::Area,
        ] {
            assert_eq!(without_value(&query(kind, Flags::empty())), None, "{kind}");
        }
        for number in [0, 10, 0x107, 0x300, u32::MAX] {
            let mut unknown = query(Type::Integer, Flags::empty());
            unknown.type_ = number;
            assert_eq!(without_value(&unknown), None, "{number}");
        }
        for flags in [Flags::DISABLED, Flags::HAS_PAYLOAD, Flags::WRITE_ONLY] {
            assert_eq!(without_value(&query(Type::Integer, flags)), None, "{flags}");
        }
        let mut wide = query(Type::Integer, Flags::empty());
        wide.maximum = i64::from(i32::MAX) + 1;
        assert_eq!(without_value(&wide), None);
        let mut array = query(Type::Integer, Flags::empty());
        array.nr_of_dims = 1;
        assert_eq!(without_value(&array), None);
    }

    #[test]
    fn what_cannot_be_set_now_is_told_from_what_never_can() {
        let access = |flags| without_value(&query(Type::Integer, flags)).unwrap().access;
        assert_eq!(access(Flags::READ_ONLY), Access::ReadOnly);
        assert_eq!(access(Flags::VOLATILE), Access::ReadOnly);
        assert_eq!(access(Flags::INACTIVE), Access::Inactive);
        assert_eq!(access(Flags::GRABBED), Access::Inactive);
    }

    #[test]
    fn a_button_may_be_write_only() {
        let button = without_value(&query(Type::Button, Flags::WRITE_ONLY)).unwrap();
        assert_eq!(button.kind, ControlKind::Button);
    }

    #[test]
    fn an_error_of_one_control_is_not_a_camera_that_left() {
        let gone = |number| {
            let asked: Result<(), _> = call("testing", || {
                Err(of_control(io::Error::from_raw_os_error(number)))
            });
            is_gone(&asked.unwrap_err())
        };
        assert!(!gone(libc::EIO) && !gone(libc::ENOENT));
        assert!(gone(libc::ENODEV));
    }
}

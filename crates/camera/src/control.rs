//! Controls: what a camera lets people set besides size and rate, such as brightness and exposure.
//! Pure.
//!
//! The words are V4L2's: a control has a number that is the same on every camera for the common
//! ones (`V4L2_CID_BRIGHTNESS`), a kind, and a range. Names and menus come from the device and are
//! untrusted.

use std::fmt;

use serde::{Deserialize, Serialize};

use porthole_types::is_unseen;

/// More controls than this are passed over.
pub const MAX_CONTROLS: usize = 128;
/// More options of one menu than this are passed over.
pub const MAX_OPTIONS: usize = 64;
/// Characters of a device's text; V4L2 has room for 31.
const LONGEST_TEXT: usize = 64;

/// V4L2's number of a control, e.g. 0x00980900 for the brightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ControlId(pub u32);

impl ControlId {
    /// Absolute position to the right, arc seconds (`V4L2_CID_PAN_ABSOLUTE`).
    pub const PAN: Self = Self(0x009a_0908);
    /// Absolute position upwards, arc seconds (`V4L2_CID_TILT_ABSOLUTE`).
    pub const TILT: Self = Self(0x009a_0909);
    /// Focal length in the device's own unit (`V4L2_CID_ZOOM_ABSOLUTE`).
    pub const ZOOM: Self = Self(0x009a_090d);

    /// Whether it belongs to the drive: a motor's position is not set again at the next opening.
    pub const fn moves_the_camera(self) -> bool {
        // V4L2_CID_PAN_RELATIVE to V4L2_CID_TILT_ABSOLUTE, the three zooms, and the two speeds.
        matches!(
            self.0,
            0x009a_0904..=0x009a_0909 | 0x009a_090d..=0x009a_090f | 0x009a_0920 | 0x009a_0921
        )
    }
}

/// What kind of value a control takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// A number of a range.
    Integer,
    /// 0 or 1.
    Boolean,
    /// One of its options.
    Menu,
    /// None: setting it does something once.
    Button,
}

/// Whether a control can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It can be set now.
    Writable,
    /// It cannot be set while another control is as it is, e.g. the exposure while that is
    /// automatic.
    Inactive,
    /// It can never be set.
    ReadOnly,
}

/// An entry of a menu control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuOption {
    /// The control's value that chooses it.
    pub value: i32,
    /// What the device calls it.
    pub name: String,
}

/// One control, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The control's number.
    pub id: ControlId,
    /// What the device calls it, without unprintable characters.
    pub name: String,
    /// The kind of its value.
    pub kind: ControlKind,
    /// Its value now; `None` for buttons.
    pub value: Option<i32>,
    /// The least value.
    pub min: i32,
    /// The greatest value.
    pub max: i32,
    /// The device rounds to multiples of this above `min`; at least 1.
    pub step: u32,
    /// The device's own default.
    pub default: i32,
    /// The entries of a menu, else empty; some numbers between `min` and `max` may be missing.
    pub options: Vec<MenuOption>,
    /// Whether it can be set.
    pub access: Access,
}

/// A control and the value to give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlChange {
    /// The control's number.
    pub id: ControlId,
    /// Its new value; of no meaning for a button.
    pub value: i32,
}

/// Why a change is rejected before the device is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlChangeError {
    /// The device has no such control, or none that is passed on.
    #[error("there is no control {0}")]
    Unknown(ControlId),
    /// The control does not take this value.
    #[error("control {id} ({name}) cannot be {value}: allowed are {allowed}")]
    OutOfRange {
        /// The control's number.
        id: ControlId,
        /// The control's name.
        name: String,
        /// The rejected value.
        value: i32,
        /// The values that it takes, in words.
        allowed: String,
    },
    /// The device alone sets it.
    #[error("control {id} ({name}) can only be read")]
    ReadOnly {
        /// The control's number.
        id: ControlId,
        /// The control's name.
        name: String,
    },
    /// It cannot be set while another control is as it is.
    #[error(
        "control {id} ({name}) is not in use now: the camera decides it while another \
         control is set as it is"
    )]
    Inactive {
        /// The control's number.
        id: ControlId,
        /// The control's name.
        name: String,
    },
    /// More changes than there are controls.
    #[error("{0} changes at once are too many: at most {MAX_CONTROLS}")]
    TooMany(usize),
}

impl Control {
    /// Checks that the control takes `value`.
    ///
    /// # Errors
    /// [`ControlChangeError`], except [`ControlChangeError::Inactive`], which depends on what is
    /// set before it.
    pub fn check_value(&self, value: i32) -> Result<(), ControlChangeError> {
        let (id, name) = (self.id, self.name.clone());
        if self.access == Access::ReadOnly {
            return Err(ControlChangeError::ReadOnly { id, name });
        }
        let fits = match self.kind {
            ControlKind::Button => true,
            ControlKind::Menu => self.options.iter().any(|option| option.value == value),
            ControlKind::Integer | ControlKind::Boolean => self.min <= value && value <= self.max,
        };
        fits.then_some(())
            .ok_or_else(|| ControlChangeError::OutOfRange {
                id,
                name,
                value,
                allowed: self.allowed(),
            })
    }

    /// Checks that it can be set at this moment.
    ///
    /// # Errors
    /// [`ControlChangeError::Inactive`].
    pub fn check_active(&self) -> Result<(), ControlChangeError> {
        match self.access {
            Access::Writable | Access::ReadOnly => Ok(()),
            Access::Inactive => Err(ControlChangeError::Inactive {
                id: self.id,
                name: self.name.clone(),
            }),
        }
    }

    fn allowed(&self) -> String {
        if self.kind == ControlKind::Menu {
            let options = self.options.iter();
            let words = options.map(|option| format!("{} ({})", option.value, option.name));
            return words.collect::<Vec<_>>().join(", ");
        }
        format!("whole numbers from {} to {}", self.min, self.max)
    }
}

/// Checks all changes before any is made. A control that is inactive passes where another change
/// goes before it, which may be what activates it.
///
/// # Errors
/// The first that cannot be made.
pub(crate) fn check(
    controls: &[Control],
    changes: &[ControlChange],
) -> Result<(), ControlChangeError> {
    if changes.len() > MAX_CONTROLS {
        return Err(ControlChangeError::TooMany(changes.len()));
    }
    for (place, change) in changes.iter().enumerate() {
        let control = controls.iter().find(|control| control.id == change.id);
        let control = control.ok_or(ControlChangeError::Unknown(change.id))?;
        control.check_value(change.value)?;
        if place == 0 {
            control.check_active()?;
        }
    }
    Ok(())
}

/// A device's text made fit to show: up to its first zero byte, without unprintable characters, and
/// cut to 64 characters.
pub(crate) fn clean(text: &str) -> String {
    let text = text.split('\0').next().unwrap_or_default();
    let seen = text.chars().filter(|c| !is_unseen(*c)).take(LONGEST_TEXT);
    seen.collect::<String>().trim().to_owned()
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn control(id: u32, kind: ControlKind) -> Control {
        Control {
            id: ControlId(id),
            name: format!("Control {id}"),
            kind,
            value: (kind != ControlKind::Button).then_some(0),
            min: -10,
            max: 10,
            step: 1,
            default: 0,
            options: Vec::new(),
            access: Access::Writable,
        }
    }

    fn change(id: u32, value: i32) -> ControlChange {
        ControlChange {
            id: ControlId(id),
            value,
        }
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_the_control_and_its_range() {
        let controls = [control(1, ControlKind::Integer)];
        assert_eq!(check(&controls, &[change(1, -10), change(1, 10)]), Ok(()));
        for value in [11, -11, i32::MAX, i32::MIN] {
            let refused = check(&controls, &[change(1, value)]).unwrap_err();
            let words = refused.to_string();
            for part in ["Control 1", &value.to_string(), "-10 to 10"] {
                assert!(words.contains(part), "{words}");
            }
        }
    }

    #[test]
    fn a_menu_takes_its_options_and_not_the_numbers_between() {
        let mut menu = control(1, ControlKind::Menu);
        menu.options = [(1, "Manual"), (3, "Aperture")]
            .map(|(value, name)| MenuOption {
                value,
                name: name.to_owned(),
            })
            .to_vec();
        assert_eq!(menu.check_value(3), Ok(()));
        let words = menu.check_value(2).unwrap_err().to_string();
        assert!(words.contains("1 (Manual), 3 (Aperture)"), "{words}");
    }

    #[test]
    fn a_button_takes_whatever_is_said_with_it() {
        assert_eq!(control(1, ControlKind::Button).check_value(99), Ok(()));
    }

    #[test]
    fn all_changes_are_checked_before_one_is_made() {
        let controls = [
            control(1, ControlKind::Integer),
            control(2, ControlKind::Integer),
        ];
        let unknown = check(&controls, &[change(1, 1), change(3, 1)]);
        assert_eq!(unknown, Err(ControlChangeError::Unknown(ControlId(3))));
        let many = vec![change(1, 1); MAX_CONTROLS + 1];
        assert!(matches!(
            check(&controls, &many),
            Err(ControlChangeError::TooMany(129))
        ));
    }

    #[test]
    fn what_is_not_in_use_is_refused_unless_something_before_it_may_change_that() {
        let mut exposure = control(2, ControlKind::Integer);
        exposure.access = Access::Inactive;
        let controls = [control(1, ControlKind::Boolean), exposure];
        assert!(matches!(
            check(&controls, &[change(2, 1)]),
            Err(ControlChangeError::Inactive { .. })
        ));
        assert_eq!(check(&controls, &[change(1, 0), change(2, 1)]), Ok(()));
    }

    #[test]
    fn the_texts_of_a_device_are_cleaned() {
        assert_eq!(clean("  Gain\0junk"), "Gain");
        assert_eq!(clean("Ga\u{1b}[31min\n\u{202e}"), "Ga[31min");
        assert_eq!(clean(&"x".repeat(500)).len(), LONGEST_TEXT);
    }

    #[test]
    fn positions_of_motors_are_told_from_settings() {
        for id in [ControlId::PAN, ControlId::TILT, ControlId::ZOOM] {
            assert!(id.moves_the_camera());
        }
        // Exposure, focus, iris, brightness.
        for id in [0x009a_0902, 0x009a_090a, 0x009a_0911, 0x0098_0900] {
            assert!(!ControlId(id).moves_the_camera());
        }
    }
}

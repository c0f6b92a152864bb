//! Pan, tilt and zoom (drive section 18 and its controller 19 of the seed): where the camera
//! points, and which of its motors a move is for. Pure.
//!
//! The motors of a device are three of its controls ([`DriveState::read`]); the test pattern has
//! the same ones.

use serde::{Deserialize, Serialize};

use super::control::{Access, Control, ControlId};
use super::control_device::DeviceKind;

/// A degree of freedom of the drive, with the unit of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Arc seconds to the right.
    Pan,
    /// Arc seconds upwards.
    Tilt,
    /// The device's own unit; more is nearer.
    Zoom,
}

impl Axis {
    /// All axes, in the order of pan, tilt, zoom.
    pub const ALL: [Self; 3] = [Self::Pan, Self::Tilt, Self::Zoom];

    /// The axis's name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pan => "pan",
            Self::Tilt => "tilt",
            Self::Zoom => "zoom",
        }
    }

    /// V4L2's control with the absolute position of this axis.
    pub const fn control(self) -> ControlId {
        match self {
            Self::Pan => ControlId::PAN,
            Self::Tilt => ControlId::TILT,
            Self::Zoom => ControlId::ZOOM,
        }
    }
}

/// A value for each axis, a position or a step; an axis without one stays where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pose {
    /// In the unit of [`Axis::Pan`].
    pub pan: Option<i32>,
    /// In the unit of [`Axis::Tilt`].
    pub tilt: Option<i32>,
    /// In the unit of [`Axis::Zoom`].
    pub zoom: Option<i32>,
}

impl Pose {
    /// The value for this axis.
    pub const fn of(&self, axis: Axis) -> Option<i32> {
        match axis {
            Axis::Pan => self.pan,
            Axis::Tilt => self.tilt,
            Axis::Zoom => self.zoom,
        }
    }
}

/// An axis that the camera has: its position and its range, both ends included, in the unit of
/// [`Axis`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisState {
    /// Where it is now.
    pub position: i32,
    /// The lower end: to the left, down, or the widest view.
    pub min: i32,
    /// The upper end: to the right, up, or nearest.
    pub max: i32,
    /// The device's default, taken for straight ahead.
    pub home: i32,
}

/// Where a camera points, and how far it can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriveState {
    axes: [Option<AxisState>; 3],
    /// Whether motors move or the test pattern is shifted.
    pub kind: DeviceKind,
}

/// How to move the drive; the names are those of ONVIF's PTZ service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveMove {
    /// To this pose.
    Absolute(Pose),
    /// To a pose that was stored, as far as the camera has the axes.
    Preset(Pose),
    /// By this much.
    Relative(Pose),
    /// To [`AxisState::home`], on every axis.
    Home,
}

/// Why the drive does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// No axis at all: the camera has no motors, or the settings leave them out.
    #[error("nothing turns this camera: it has no pan, tilt or zoom, or drive.source is \"none\"")]
    NoAxis,
    /// The camera has motors, but not for this axis.
    #[error("this camera has no {}", .0.name())]
    MissingAxis(Axis),
}

impl DriveState {
    /// Reads the state from a camera's controls, each fetched by `read_control`.
    ///
    /// # Errors
    /// The first error of `read_control`.
    pub fn read<E>(
        kind: DeviceKind,
        mut read_control: impl FnMut(ControlId) -> Result<Option<Control>, E>,
    ) -> Result<Self, E> {
        let mut axes = [None; 3];
        for (axis, state) in Axis::ALL.into_iter().zip(&mut axes) {
            *state = read_control(axis.control())?
                .as_ref()
                .and_then(AxisState::of);
        }
        Ok(Self { axes, kind })
    }

    /// This axis, if there is one.
    pub const fn axis(&self, axis: Axis) -> Option<AxisState> {
        match axis {
            Axis::Pan => self.axes[0],
            Axis::Tilt => self.axes[1],
            Axis::Zoom => self.axes[2],
        }
    }

    /// Whether it has any axis.
    pub fn moves(&self) -> bool {
        self.axes.iter().any(Option::is_some)
    }

    /// The position of each axis, to return to with [`DriveMove::Preset`].
    pub fn pose(&self) -> Pose {
        let position = |axis| self.axis(axis).map(|state| state.position);
        Pose {
            pan: position(Axis::Pan),
            tilt: position(Axis::Tilt),
            zoom: position(Axis::Zoom),
        }
    }

    /// Which axes to move, and where to: never beyond their ends.
    ///
    /// # Errors
    /// [`DriveError`]
    pub fn targets(&self, command: DriveMove) -> Result<Vec<(Axis, i32)>, DriveError> {
        if !self.moves() {
            return Err(DriveError::NoAxis);
        }
        let mut targets = Vec::new();
        for axis in Axis::ALL {
            let state = self.axis(axis);
            let value = match command {
                DriveMove::Absolute(pose) | DriveMove::Preset(pose) | DriveMove::Relative(pose) => {
                    pose.of(axis)
                }
                DriveMove::Home => state.map(|state| state.home),
            };
            let Some(value) = value else {
                continue;
            };
            match (state, command) {
                (Some(state), DriveMove::Relative(_)) => {
                    let target = state.position.saturating_add(value);
                    targets.push((axis, state.clamp(target)));
                }
                (Some(state), _) => targets.push((axis, state.clamp(value))),
                (None, DriveMove::Preset(_)) => {}
                // A step of zero is one that every camera can make.
                (None, DriveMove::Relative(_)) if value == 0 => {}
                (None, _) => return Err(DriveError::MissingAxis(axis)),
            }
        }
        Ok(targets)
    }
}

impl AxisState {
    /// `None` for a control that cannot be set.
    fn of(control: &Control) -> Option<Self> {
        (control.access != Access::ReadOnly).then_some(Self {
            position: control.value?,
            min: control.min,
            max: control.max,
            home: control.default,
        })
    }

    /// Not `Ord::clamp`, which panics should a device name its limits the wrong way round.
    const fn clamp(self, value: i32) -> i32 {
        let capped = if value < self.max { value } else { self.max };
        if capped > self.min { capped } else { self.min }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(axes: [Option<AxisState>; 3]) -> DriveState {
        DriveState {
            axes,
            kind: DeviceKind::Device,
        }
    }

    const PAN: AxisState = AxisState {
        position: 3600,
        min: -36_000,
        max: 36_000,
        home: 0,
    };
    const ZOOM: AxisState = AxisState {
        position: 100,
        min: 100,
        max: 500,
        home: 100,
    };

    fn pan(pan: i32) -> Pose {
        Pose {
            pan: Some(pan),
            ..Pose::default()
        }
    }

    #[test]
    fn axes_stop_at_their_ends_and_those_that_are_not_named_stay() {
        let camera = state([Some(PAN), None, Some(ZOOM)]);
        for (command, to) in [
            (DriveMove::Absolute(pan(7200)), 7200),
            (DriveMove::Absolute(pan(i32::MAX)), 36_000),
            (DriveMove::Relative(pan(-7200)), -3600),
            (DriveMove::Relative(pan(i32::MIN)), -36_000),
            (DriveMove::Relative(pan(i32::MAX)), 36_000),
        ] {
            assert_eq!(
                camera.targets(command),
                Ok(vec![(Axis::Pan, to)]),
                "{command:?}"
            );
        }
        let home = vec![(Axis::Pan, 0), (Axis::Zoom, 100)];
        assert_eq!(camera.targets(DriveMove::Home), Ok(home));
    }

    #[test]
    fn an_axis_that_the_camera_does_not_have_is_named_unless_it_comes_from_a_preset() {
        let camera = state([None, None, Some(ZOOM)]);
        let asked = DriveMove::Absolute(pan(1));
        assert_eq!(
            camera.targets(asked),
            Err(DriveError::MissingAxis(Axis::Pan))
        );
        assert_eq!(camera.targets(DriveMove::Preset(pan(1))), Ok(vec![]));
        assert_eq!(camera.targets(DriveMove::Relative(pan(0))), Ok(vec![]));
        let nothing = state([None; 3]);
        assert_eq!(nothing.targets(DriveMove::Home), Err(DriveError::NoAxis));
    }

    #[test]
    fn limits_the_wrong_way_round_are_no_panic() {
        let reversed = AxisState {
            min: 10,
            max: -10,
            ..PAN
        };
        let camera = state([Some(reversed), None, None]);
        assert!(camera.targets(DriveMove::Absolute(pan(0))).is_ok());
    }
}

//! Where the camera looks (drive section 18 and its controller 19 of the seed): positions, limits,
//! and a drive for the test pattern. Pure but for that drive's own memory.
//!
//! The motors of a device are three of its controls ([`Pointing::read`]); the test pattern has the
//! same ones.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::control::{Access, Control, ControlId};
use super::control_device::DeviceKind;

/// A direction, in the unit of V4L2's pan and tilt controls: arc seconds, 3600 to the degree.
/// Pan grows to the right, tilt upwards, both 0 at home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// To the right.
    pub pan: i32,
    /// Upwards.
    pub tilt: i32,
}

impl Position {
    /// Straight ahead.
    pub const HOME: Self = Self { pan: 0, tilt: 0 };

    /// A position in whole degrees.
    pub const fn degrees(pan: i32, tilt: i32) -> Self {
        Self {
            pan: pan.saturating_mul(3600),
            tilt: tilt.saturating_mul(3600),
        }
    }
}

/// How far a drive can turn, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Farthest to the left and down.
    pub least: Position,
    /// Farthest to the right and up.
    pub most: Position,
}

impl Limits {
    /// The nearest position that can be reached.
    #[must_use]
    pub fn clamp(&self, to: Position) -> Position {
        // Not `Ord::clamp`, which panics should a device name its limits the wrong way round.
        Position {
            pan: to.pan.min(self.most.pan).max(self.least.pan),
            tilt: to.tilt.min(self.most.tilt).max(self.least.tilt),
        }
    }
}

/// What a drive can do: turn to the side, turn up and down, and come nearer.
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pan, Self::Tilt, Self::Zoom];

    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pan => "pan",
            Self::Tilt => "tilt",
            Self::Zoom => "zoom",
        }
    }

    /// The control that moves it.
    pub const fn control(self) -> ControlId {
        match self {
            Self::Pan => ControlId::PAN,
            Self::Tilt => ControlId::TILT,
            Self::Zoom => ControlId::ZOOM,
        }
    }
}

/// A value for each axis; none: that axis stays where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pose {
    /// See [`Axis::Pan`].
    pub pan: Option<i32>,
    /// See [`Axis::Tilt`].
    pub tilt: Option<i32>,
    /// See [`Axis::Zoom`].
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

/// An axis that there is: where it stands, and how far it goes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Where it stands.
    pub at: i32,
    /// One end.
    pub least: i32,
    /// The other.
    pub most: i32,
    /// Where it was made to look.
    pub home: i32,
}

/// Where a camera points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointing {
    axes: [Option<Reach>; 3],
    /// What moves.
    pub kind: DeviceKind,
}

/// Where to turn it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// To this position.
    To(Pose),
    /// To a position that was stored, as far as the camera has the axes.
    Back(Pose),
    /// By this much.
    By(Pose),
    /// To where it was made to look.
    Home,
}

/// Why it is not turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDrive {
    /// No motor, or the settings say none.
    #[error("nothing turns this camera: it has no pan, tilt or zoom, or drive.source is \"none\"")]
    Nothing,
    /// Another motor than the one that is asked for.
    #[error("this camera has no {}", .0.name())]
    Without(Axis),
}

impl Pointing {
    /// Where a camera with these controls points, as `ask` tells of each.
    ///
    /// # Errors
    /// The first error of `ask`.
    pub fn read<E>(
        kind: DeviceKind,
        mut ask: impl FnMut(ControlId) -> Result<Option<Control>, E>,
    ) -> Result<Self, E> {
        let mut axes = [None; 3];
        for (axis, reach) in Axis::ALL.into_iter().zip(&mut axes) {
            *reach = ask(axis.control())?.as_ref().and_then(Reach::of);
        }
        Ok(Self { axes, kind })
    }

    /// This axis, if there is one.
    pub const fn axis(&self, axis: Axis) -> Option<Reach> {
        match axis {
            Axis::Pan => self.axes[0],
            Axis::Tilt => self.axes[1],
            Axis::Zoom => self.axes[2],
        }
    }

    /// Whether anything moves.
    pub fn moves(&self) -> bool {
        self.axes.iter().any(Option::is_some)
    }

    /// Where each axis stands, to be turned back to.
    pub fn stance(&self) -> Pose {
        let at = |axis| self.axis(axis).map(|reach| reach.at);
        Pose {
            pan: at(Axis::Pan),
            tilt: at(Axis::Tilt),
            zoom: at(Axis::Zoom),
        }
    }

    /// Which axes to move, and where to: never beyond their ends.
    ///
    /// # Errors
    /// [`NoDrive`]
    pub fn goals(&self, turn: Turn) -> Result<Vec<(Axis, i32)>, NoDrive> {
        if !self.moves() {
            return Err(NoDrive::Nothing);
        }
        let mut goals = Vec::new();
        for axis in Axis::ALL {
            let asked = match turn {
                Turn::To(stance) | Turn::Back(stance) | Turn::By(stance) => stance.of(axis),
                Turn::Home => self.axis(axis).map(|reach| reach.home),
            };
            let (Some(asked), reach) = (asked, self.axis(axis)) else {
                continue;
            };
            match (reach, turn) {
                (Some(reach), Turn::By(_)) => {
                    goals.push((axis, reach.clamp(reach.at.saturating_add(asked))));
                }
                (Some(reach), _) => goals.push((axis, reach.clamp(asked))),
                (None, Turn::Back(_)) => {}
                // No step is one that every camera can make.
                (None, Turn::By(_)) if asked == 0 => {}
                (None, _) => return Err(NoDrive::Without(axis)),
            }
        }
        Ok(goals)
    }
}

impl Reach {
    fn of(control: &Control) -> Option<Self> {
        (control.access != Access::ReadOnly).then_some(Self {
            at: control.value?,
            least: control.min,
            most: control.max,
            home: control.default,
        })
    }

    /// Not `Ord::clamp`, which panics should a device name its limits the wrong way round.
    const fn clamp(self, to: i32) -> i32 {
        let below = if to < self.most { to } else { self.most };
        if below > self.least {
            below
        } else {
            self.least
        }
    }
}

/// A drive without a motor: the test pattern looks where it points. Clones are the same drive.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDrive {
    position: Arc<Mutex<Position>>,
}

impl SimulatedDrive {
    /// What the scene of the test pattern has to show beyond the edges of the picture.
    pub const LIMITS: Limits = Limits {
        least: Position::degrees(-30, -15),
        most: Position::degrees(30, 15),
    };

    /// A drive at home.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it points.
    pub fn position(&self) -> Position {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Points it at `to`, or as near as [`Self::LIMITS`] allow; returns where that is.
    pub fn move_to(&self, to: Position) -> Position {
        self.change(|_| to)
    }

    /// One store under the lock cannot be half done, so a panic elsewhere does not spoil the drive.
    fn change(&self, to: impl FnOnce(Position) -> Position) -> Position {
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        *position = Self::LIMITS.clamp(to(*position));
        *position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_stops_at_its_limits() {
        let drive = SimulatedDrive::new();
        assert_eq!(drive.position(), Position::HOME);
        let right = drive.move_to(Position::degrees(90, 3));
        assert_eq!(right, Position::degrees(30, 3));
        let down = drive.clone().move_to(Position::degrees(0, i32::MIN));
        assert_eq!(down, Position::degrees(0, -15));
        assert_eq!(drive.position(), down);
    }

    fn pointing(axes: [Option<Reach>; 3]) -> Pointing {
        Pointing {
            axes,
            kind: DeviceKind::Device,
        }
    }

    const PAN: Reach = Reach {
        at: 3600,
        least: -36_000,
        most: 36_000,
        home: 0,
    };
    const ZOOM: Reach = Reach {
        at: 100,
        least: 100,
        most: 500,
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
        let camera = pointing([Some(PAN), None, Some(ZOOM)]);
        for (turn, to) in [
            (Turn::To(pan(7200)), 7200),
            (Turn::To(pan(i32::MAX)), 36_000),
            (Turn::By(pan(-7200)), -3600),
            (Turn::By(pan(i32::MIN)), -36_000),
            (Turn::By(pan(i32::MAX)), 36_000),
        ] {
            assert_eq!(camera.goals(turn), Ok(vec![(Axis::Pan, to)]), "{turn:?}");
        }
        let home = vec![(Axis::Pan, 0), (Axis::Zoom, 100)];
        assert_eq!(camera.goals(Turn::Home), Ok(home));
    }

    #[test]
    fn an_axis_that_the_camera_does_not_have_is_named_unless_it_comes_from_a_preset() {
        let camera = pointing([None, None, Some(ZOOM)]);
        let asked = Turn::To(pan(1));
        assert_eq!(camera.goals(asked), Err(NoDrive::Without(Axis::Pan)));
        assert_eq!(camera.goals(Turn::Back(pan(1))), Ok(vec![]));
        assert_eq!(camera.goals(Turn::By(pan(0))), Ok(vec![]));
        let nothing = pointing([None; 3]);
        assert_eq!(nothing.goals(Turn::Home), Err(NoDrive::Nothing));
    }

    #[test]
    fn limits_the_wrong_way_round_are_no_panic() {
        let odd = Reach {
            least: 10,
            most: -10,
            ..PAN
        };
        let camera = pointing([Some(odd), None, None]);
        assert!(camera.goals(Turn::To(pan(0))).is_ok());
    }
}

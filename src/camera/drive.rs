//! Where the camera looks (drive section 18 and its controller 19 of the seed): positions, limits, and a drive
//! for the test pattern.

use std::sync::{Arc, Mutex, PoisonError};

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

    /// This position moved by `step`.
    #[must_use]
    pub const fn moved(self, step: Self) -> Self {
        Self {
            pan: self.pan.saturating_add(step.pan),
            tilt: self.tilt.saturating_add(step.tilt),
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

    /// Turns it by `step` from where it is; returns where it points then.
    pub fn move_by(&self, step: Position) -> Position {
        self.change(|from| from.moved(step))
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
        let down = drive.clone().move_by(Position::degrees(0, i32::MIN));
        assert_eq!(down, Position::degrees(30, -15));
        assert_eq!(drive.position(), down);
    }
}

//! The drive of the test pattern: no motor, but a part of the scene that is shown.

use std::sync::{Arc, Mutex, PoisonError};

/// A direction, in the unit of V4L2's pan and tilt controls: arc seconds, 3600 to the degree.
/// Pan grows to the right, tilt upwards, both 0 at home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// To the right.
    pub(crate) pan: i32,
    /// Upwards, in arc seconds.
    pub(crate) tilt: i32,
}

impl Position {
    /// A position in whole degrees.
    pub(crate) const fn degrees(pan: i32, tilt: i32) -> Self {
        Self {
            pan: pan.saturating_mul(3600),
            tilt: tilt.saturating_mul(3600),
        }
    }
}

/// How far a drive can turn, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Farthest to the left and down.
    pub(crate) min: Position,
    /// Farthest to the right and up.
    pub(crate) max: Position,
}

impl Limits {
    /// The nearest position that can be reached.
    #[must_use]
    pub(crate) fn clamp(&self, to: Position) -> Position {
        // Not `Ord::clamp`, which panics should a device name its limits the wrong way round.
        Position {
            pan: to.pan.min(self.max.pan).max(self.min.pan),
            tilt: to.tilt.min(self.max.tilt).max(self.min.tilt),
        }
    }
}

/// Points the test pattern; it begins at home, straight ahead. Clones share the position.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedDrive {
    position: Arc<Mutex<Position>>,
}

impl SimulatedDrive {
    /// What the scene of the test pattern has to show beyond the edges of the picture.
    pub(crate) const LIMITS: Limits = Limits {
        min: Position::degrees(-30, -15),
        max: Position::degrees(30, 15),
    };

    /// Where it points.
    pub(crate) fn position(&self) -> Position {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Points it at `to`, or as near as [`Self::LIMITS`] allow; returns where that is.
    pub(crate) fn move_to(&self, to: Position) -> Position {
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
        let drive = SimulatedDrive::default();
        assert_eq!(drive.position(), Position::default());
        let right = drive.move_to(Position::degrees(90, 3));
        assert_eq!(right, Position::degrees(30, 3));
        let down = drive.clone().move_to(Position::degrees(0, i32::MIN));
        assert_eq!(down, Position::degrees(0, -15));
        assert_eq!(drive.position(), down);
    }
}

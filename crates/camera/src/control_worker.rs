//! The loop that speaks with a camera's controls: it takes one errand after the other from the
//! [`ControlQueue`].
//!
//! A call into a driver may take seconds (a motor that turns, a camera on a bad cable) or for ever,
//! so this is a thread of its own: neither the picture nor anybody else's request waits for it. The
//! device is opened for each errand and closed again; that starts no stream and lights no lamp.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::capture::POLL;
use super::control::{self, Change, Control, Kind, Refused};
use super::control_device::{ConnectionId, ControlDevice, ControlDeviceOpener, DeviceKind};
use super::control_queue::{ControlError, ControlJob, ControlQueue};
use super::drive::{NoDrive, Pointing, Turn};
use super::modes::Mode;
use super::source::SourceError;
use super::test_pattern_controls::TestPatternDevice;
use crate::config::DriveSource;
use porthole_durable::PendingWrite;

/// No errand goes on with another call after so long.
pub const WORK: Duration = Duration::from_secs(5);

/// Keeps what people set, beyond the end of the program.
pub trait Memory: Send {
    /// What was set on this camera.
    fn of(&self, camera: &str) -> Vec<Change>;

    /// Adds to it.
    fn remember(&self, camera: &str, set: &[Change]) -> PendingWrite;
}

/// What the camera offers; nothing before it was asked.
pub type Offered = Option<Arc<[Mode]>>;

/// See the module.
pub struct ControlWorker {
    /// Opens the camera.
    pub devices: Box<dyn ControlDeviceOpener>,
    /// What the settings say about the drive.
    pub drive: DriveSource,
    /// The simulated one.
    pub test_pattern: TestPatternDevice,
    /// What was set before.
    pub memory: Box<dyn Memory>,
    /// Where it is told what the camera offers.
    pub offered: watch::Sender<Offered>,
    /// The plugging-in whose controls are as they were set; begin with `None`.
    pub settled: Option<ConnectionId>,
}

impl ControlWorker {
    /// Runs until `keep_going` says no; it is asked between two errands. Blocks; meant for a thread
    /// of its own, and may be called again after a panic.
    pub fn run(&mut self, control_queue: &ControlQueue, keep_going: &dyn Fn() -> bool) {
        while keep_going() {
            match control_queue.next(POLL) {
                Some(ControlJob::Opened) => self.opened(),
                Some(ControlJob::Asked(job)) => job(self),
                None => {}
            }
        }
    }

    /// The camera's controls, as they are now.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn controls(&mut self) -> Result<Vec<Control>, ControlError> {
        let until = Instant::now() + WORK;
        Ok(self.control_device(until)?.controls(until)?)
    }

    /// What the camera offers, asked now.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn look(&mut self) -> Result<(), ControlError> {
        self.control_device(Instant::now() + WORK).map(drop)
    }

    /// Sets controls, in this order, and says what all are then. All are looked at before the first
    /// is set; should the device refuse one all the same, those before it are set.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn set(
        &mut self,
        changes: &[Change],
    ) -> Result<(Vec<Control>, PendingWrite), ControlError> {
        let until = Instant::now() + WORK;
        let control_device = self.control_device(until)?;
        control::check(&control_device.controls(until)?, changes)?;
        let mut lasting = Vec::new();
        let mut outcome = Ok(());
        for change in changes {
            match make(&*control_device, *change, until) {
                Ok(Kind::Button) => {}
                Ok(_) if change.id.moves_the_camera() => {}
                Ok(_) => lasting.push(*change),
                Err(trouble) => {
                    outcome = Err(trouble);
                    break;
                }
            }
        }
        let kept = self.memory.remember(control_device.camera(), &lasting);
        outcome?;
        Ok((control_device.controls(until)?, kept))
    }

    /// Where the camera points; nothing where nothing moves.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn pointing(&mut self) -> Result<Option<Pointing>, ControlError> {
        let control_device = self.motors(Instant::now() + WORK)?;
        let pointing = control_device.as_deref().map(pointing).transpose()?;
        Ok(pointing.filter(Pointing::moves))
    }

    /// Turns it, and says where it points then, as far as its motors have come.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn turn(&mut self, turn: Turn) -> Result<Pointing, ControlError> {
        let until = Instant::now() + WORK;
        let control_device = self.motors(until)?.ok_or(NoDrive::Nothing)?;
        for (axis, to) in pointing(&*control_device)?.goals(turn)? {
            let id = axis.control();
            make(&*control_device, Change { id, value: to }, until)?;
        }
        pointing(&*control_device)
    }

    /// What moves, as the settings say; nothing where that is nothing.
    fn motors(&mut self, until: Instant) -> Result<Option<Box<dyn ControlDevice>>, ControlError> {
        Ok(match self.drive {
            DriveSource::None => None,
            DriveSource::Simulated => Some(Box::new(self.test_pattern.clone())),
            DriveSource::Auto => Some(self.control_device(until)?),
            DriveSource::V4l => {
                let control_device = self.control_device(until)?;
                (control_device.kind() == DeviceKind::Device).then_some(control_device)
            }
        })
    }

    /// Opens the camera. One that was plugged in since the last time is brought to what was set
    /// before.
    fn control_device(&mut self, until: Instant) -> Result<Box<dyn ControlDevice>, ControlError> {
        let control_device = self.devices.control_device()?;
        if self.settled != Some(control_device.connection()) {
            self.offered
                .send_replace(Some(control_device.modes(until).into()));
            restore(
                &*control_device,
                self.memory.of(control_device.camera()),
                until,
            );
            self.settled = Some(control_device.connection());
        }
        Ok(control_device)
    }

    /// The camera is open for viewers: some forget at that what was set.
    fn opened(&mut self) {
        self.settled = None;
        if let Err(why) = self.control_device(Instant::now() + WORK) {
            // Whoever watches sees it on the picture.
            tracing::debug!(%why, "the camera's controls are not brought back");
        }
    }
}

/// Makes one change; the kind of the control tells what it was.
fn make(
    control_device: &dyn ControlDevice,
    change: Change,
    until: Instant,
) -> Result<Kind, ControlError> {
    let Change { id, value } = change;
    if Instant::now() > until {
        return Err(ControlError::Late);
    }
    let control = control_device.control(id)?.ok_or(Refused::Unknown(id))?;
    control.takes(value)?;
    control.is_active()?;
    let not_taken = |why: String| ControlError::NotTaken {
        name: control.name.clone(),
        why,
    };
    control_device.set(id, value).map_err(|error| match error {
        SourceError::Busy => not_taken("it is busy".to_owned()),
        SourceError::Io { source, .. } => not_taken(source.to_string()),
        other => other.into(),
    })?;
    Ok(control.kind)
}

/// Sets again what was set before and is no longer so. What depends on another control may only go
/// the second time.
fn restore(control_device: &dyn ControlDevice, mut changes: Vec<Change>, until: Instant) {
    for _ in 0..2 {
        changes.retain(|change| {
            let is_so = match control_device.control(change.id) {
                Ok(Some(control)) => control.value == Some(change.value),
                Ok(None) | Err(_) => false,
            };
            !is_so && make(control_device, *change, until).is_err()
        });
    }
    for left in changes {
        tracing::warn!(control = %left.id, value = left.value, camera = control_device.camera(), "a control is not as it was set");
    }
}

fn pointing(control_device: &dyn ControlDevice) -> Result<Pointing, ControlError> {
    Ok(Pointing::read(control_device.kind(), |id| {
        control_device.control(id)
    })?)
}

#[cfg(test)]
#[path = "control_worker_tests.rs"]
mod tests;

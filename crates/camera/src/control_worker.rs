//! The loop that speaks with a camera's controls: it runs one job after the other from the
//! [`ControlQueue`].
//!
//! A call into a driver may take seconds (a motor that turns, a camera on a bad cable) or for ever,
//! so this is a thread of its own: neither the picture nor anybody else's request waits for it. The
//! device is opened for each job and closed again; that starts no stream and lights no lamp.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::control::{self, Control, ControlChange, ControlChangeError, ControlKind};
use super::control_device::{ConnectionId, ControlDevice, ControlDeviceOpener, DeviceKind};
use super::control_queue::{ControlError, ControlJob, ControlQueue, JOB_TIME_LIMIT};
use super::drive::{DriveError, DriveMove, DriveState};
use super::modes::Mode;
use super::poll::POLL_INTERVAL;
use super::source::SourceError;
use super::test_pattern::TestPatternDevice;
use crate::config::DriveSource;
use porthole_durable::PendingWrite;

/// Keeps the values that people set on controls, beyond the end of the program.
pub trait OverrideStore: Send {
    /// What was set on this camera ([`ControlDevice::camera`]), in the order in which to set it
    /// again.
    fn load(&self, camera: &str) -> Vec<ControlChange>;

    /// Adds to what was set on it.
    fn save(&self, camera: &str, set: &[ControlChange]) -> PendingWrite;
}

/// The sizes and rates that the camera offers; nothing before it was asked.
pub type OfferedModes = Option<Arc<[Mode]>>;

/// Runs the jobs of a [`ControlQueue`]; see the [module](self).
pub struct ControlWorker {
    /// Opens the camera.
    pub devices: Box<dyn ControlDeviceOpener>,
    /// Which motors count, as the settings say.
    pub drive: DriveSource,
    /// Takes the place of the motors with [`DriveSource::Simulated`].
    pub test_pattern: TestPatternDevice,
    /// What was set before.
    pub overrides: Box<dyn OverrideStore>,
    /// Where the modes that the camera offers are published.
    pub offered: watch::Sender<OfferedModes>,
    /// The connection on which the controls were last brought to what was set; begin with `None`.
    pub restored: Option<ConnectionId>,
}

impl ControlWorker {
    /// Runs until `keep_going` says no; it is asked between two jobs. Blocks; meant for a thread
    /// of its own, and may be called again after a panic.
    pub fn run(&mut self, queue: &ControlQueue<Self>, keep_going: &dyn Fn() -> bool) {
        while keep_going() {
            match queue.next(POLL_INTERVAL) {
                Some(ControlJob::CameraOpened) => self.camera_opened(),
                Some(ControlJob::Run(job)) => job(self),
                None => {}
            }
        }
    }

    /// The camera's controls, as they are now.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn controls(&mut self) -> Result<Vec<Control>, ControlError> {
        let until = Instant::now() + JOB_TIME_LIMIT;
        Ok(self.open_device(until)?.controls(until)?)
    }

    /// Asks the camera what it offers, unless that was done since it was plugged in, and publishes
    /// it in [`Self::offered`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn refresh_modes(&mut self) -> Result<(), ControlError> {
        self.open_device(Instant::now() + JOB_TIME_LIMIT).map(drop)
    }

    /// Sets controls, in this order, and returns all as they are then. All changes are checked
    /// before the first is made; should the device refuse one all the same, those before it are
    /// made.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn set(
        &mut self,
        changes: &[ControlChange],
    ) -> Result<(Vec<Control>, PendingWrite), ControlError> {
        let until = Instant::now() + JOB_TIME_LIMIT;
        let device = self.open_device(until)?;
        control::check(&device.controls(until)?, changes)?;
        let mut lasting = Vec::new();
        let mut outcome = Ok(());
        for change in changes {
            match apply(&*device, *change, until) {
                Ok(ControlKind::Button) => {}
                Ok(_) if change.id.moves_the_camera() => {}
                Ok(_) => lasting.push(*change),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        let kept = self.overrides.save(device.camera(), &lasting);
        outcome?;
        Ok((device.controls(until)?, kept))
    }

    /// Where the camera points; `None` where nothing moves.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn drive_state(&mut self) -> Result<Option<DriveState>, ControlError> {
        let device = self.motors(Instant::now() + JOB_TIME_LIMIT)?;
        let state = device.as_deref().map(read_drive).transpose()?;
        Ok(state.filter(DriveState::moves))
    }

    /// Moves it, and returns where it points then, as far as its motors have come.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn move_drive(&mut self, command: DriveMove) -> Result<DriveState, ControlError> {
        let until = Instant::now() + JOB_TIME_LIMIT;
        let device = self.motors(until)?.ok_or(DriveError::NoAxis)?;
        for (axis, to) in read_drive(&*device)?.targets(command)? {
            let id = axis.control();
            apply(&*device, ControlChange { id, value: to }, until)?;
        }
        read_drive(&*device)
    }

    /// The device whose motors count, as the settings say; `None` where they say none.
    fn motors(&mut self, until: Instant) -> Result<Option<Box<dyn ControlDevice>>, ControlError> {
        Ok(match self.drive {
            DriveSource::None => None,
            DriveSource::Simulated => Some(Box::new(self.test_pattern.clone())),
            DriveSource::Auto => Some(self.open_device(until)?),
            DriveSource::V4l => {
                let device = self.open_device(until)?;
                (device.kind() == DeviceKind::Device).then_some(device)
            }
        })
    }

    /// Opens the camera. One that was plugged in since the last time is brought to what was set
    /// before.
    fn open_device(&mut self, until: Instant) -> Result<Box<dyn ControlDevice>, ControlError> {
        let device = self.devices.open_control_device()?;
        if self.restored != Some(device.connection()) {
            self.offered.send_replace(Some(device.modes(until).into()));
            restore(&*device, self.overrides.load(device.camera()), until);
            self.restored = Some(device.connection());
        }
        Ok(device)
    }

    /// The camera is open for viewers: some forget at that what was set.
    fn camera_opened(&mut self) {
        self.restored = None;
        if let Err(error) = self.open_device(Instant::now() + JOB_TIME_LIMIT) {
            // Viewers see the reason on the placeholder.
            tracing::debug!(%error, "the camera's controls are not brought back");
        }
    }
}

/// Makes one change, and returns the kind of the control.
fn apply(
    device: &dyn ControlDevice,
    change: ControlChange,
    until: Instant,
) -> Result<ControlKind, ControlError> {
    let ControlChange { id, value } = change;
    if Instant::now() > until {
        return Err(ControlError::TimedOut);
    }
    let control = device.control(id)?.ok_or(ControlChangeError::Unknown(id))?;
    control.check_value(value)?;
    control.check_active()?;
    let refused = |why: String| ControlError::DeviceRefused {
        name: control.name.clone(),
        why,
    };
    device.set(id, value).map_err(|error| match error {
        SourceError::Busy => refused("it is busy".to_owned()),
        SourceError::Io { source, .. } => refused(source.to_string()),
        other => other.into(),
    })?;
    Ok(control.kind)
}

/// Sets again what was set before and is no longer so. What depends on another control may only go
/// the second time.
fn restore(device: &dyn ControlDevice, mut changes: Vec<ControlChange>, until: Instant) {
    for _ in 0..2 {
        changes.retain(|change| {
            let is_set = match device.control(change.id) {
                Ok(Some(control)) => control.value == Some(change.value),
                Ok(None) | Err(_) => false,
            };
            !is_set && apply(device, *change, until).is_err()
        });
    }
    for missing in changes {
        tracing::warn!(
            control = %missing.id,
            value = missing.value,
            camera = device.camera(),
            "a control is not as it was set"
        );
    }
}

fn read_drive(device: &dyn ControlDevice) -> Result<DriveState, ControlError> {
    Ok(DriveState::read(device.kind(), |id| device.control(id))?)
}

#[cfg(test)]
mod tests;

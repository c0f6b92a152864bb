//! A camera's controls, as an open device hands them out: the trait that V4L2 and the test pattern
//! implement.

use std::time::Instant;

use super::control::{Control, ControlId};
use super::modes::Mode;
use super::source::SourceError;

/// What the controls belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A V4L2 device.
    Device,
    /// The test pattern.
    TestPattern,
}

/// Tells one connection of a device from the next: another one each time it is plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId(pub u64);

/// An open camera, asked for its controls. It blocks, so it is used on a thread of its own;
/// dropping it closes the device. Opening it starts no stream, and it may be open beside the one
/// that does.
pub trait ControlDevice {
    /// Which camera it is, e.g. "HD Pro Webcam C920".
    fn camera(&self) -> &str;

    /// Whether it is a device or the test pattern.
    fn kind(&self) -> DeviceKind;

    /// Identifies the connection; the controls may have been reset since another one.
    fn connection(&self) -> ConnectionId;

    /// All controls that can be passed on, at most [`super::control::MAX_CONTROLS`].
    ///
    /// # Errors
    /// [`SourceError`], also when they are not read by `until`.
    fn controls(&self, until: Instant) -> Result<Vec<Control>, SourceError>;

    /// One control, as it is now; `None` where there is no such control.
    ///
    /// # Errors
    /// [`SourceError`]
    fn control(&self, id: ControlId) -> Result<Option<Control>, SourceError>;

    /// Sets one control. The device may round the value.
    ///
    /// # Errors
    /// [`SourceError`]
    fn set(&self, id: ControlId, value: i32) -> Result<(), SourceError>;

    /// The sizes and rates that it offers, as far as it has said by `until`; empty where it does
    /// not say.
    fn modes(&self, until: Instant) -> Vec<Mode>;
}

/// Opens the camera for its controls; once for each job.
pub trait ControlDeviceOpener: Send {
    /// Opens it; no stream is started.
    ///
    /// # Errors
    /// [`SourceError`]
    fn open_control_device(&self) -> Result<Box<dyn ControlDevice>, SourceError>;
}

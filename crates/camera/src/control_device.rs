//! A camera's controls, as an open device hands them out: the trait that V4L2 and the test pattern
//! implement.

use std::time::Instant;

use super::control::{Control, ControlId};
use super::modes::Mode;
use super::source::SourceError;

/// What stands behind a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A camera.
    Device,
    /// The test pattern.
    TestPattern,
}

/// Tells one plugging-in of a device from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId(pub u64);

/// An open camera, asked for its controls. It blocks, so it is used on a thread of its own;
/// dropping it closes the device. Opening it starts no stream, and it may be open beside the one
/// that does.
pub trait ControlDevice {
    /// Which camera it is, e.g. "HD Pro Webcam C920".
    fn camera(&self) -> &str;

    /// A device or not.
    fn kind(&self) -> DeviceKind;

    /// Which plugging-in this is.
    fn connection(&self) -> ConnectionId;

    /// All controls that can be passed on, at most [`super::control::MAX_CONTROLS`].
    ///
    /// # Errors
    /// [`SourceError`], also when they are not read by `until`.
    fn controls(&self, until: Instant) -> Result<Vec<Control>, SourceError>;

    /// One of them, as it is now; nothing where there is no such control.
    ///
    /// # Errors
    /// [`SourceError`]
    fn control(&self, id: ControlId) -> Result<Option<Control>, SourceError>;

    /// Sets one. The device may round.
    ///
    /// # Errors
    /// [`SourceError`]
    fn set(&self, id: ControlId, value: i32) -> Result<(), SourceError>;

    /// The sizes and rates that it offers; empty where it does not say.
    fn modes(&self, until: Instant) -> Vec<Mode>;
}

/// Opens the panel, for one question after the other.
pub trait ControlDeviceOpener: Send {
    /// Opens it.
    ///
    /// # Errors
    /// [`SourceError`]
    fn open_control_device(&self) -> Result<Box<dyn ControlDevice>, SourceError>;
}

//! The test pattern: a camera that every machine has. A small landscape that moves, with controls
//! and a simulated pan and tilt, so that everything can be tried without a device.
//!
//! `source` makes the frames, `scene` draws what is in them, `device` answers for the
//! controls, `drive` for pan and tilt.

mod device;
mod drive;
mod scene;
mod source;

pub use device::TestPatternDevice;
pub use source::TestPattern;
pub(crate) use source::TestPatternOpener;

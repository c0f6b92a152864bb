//! The test pattern: a camera that every machine has. A small landscape that moves, with controls
//! and a simulated pan and tilt, so that everything can be tried without a device.
//!
//! `source` makes the frames, `scene` draws what is in them, `device` answers for the controls.

mod device;
mod scene;
mod source;

pub use device::{TestPatternControls, TestPatternDevice};
pub use source::{TestPattern, TestPatternOpener};

//! From the device to the latest JPEG: sources, pixel formats, encoding, slots, pan and tilt.
//!
//! Capture thread → [`slot::RawSlot`] → encoder thread → [`slot::PictureSlot`] → any number of
//! [`viewing::Viewer`]s. Newest wins in both slots; a frame is encoded once, whoever watches.

pub mod format;
pub mod frame;
pub mod pool;
pub mod source;
pub mod v4l2;

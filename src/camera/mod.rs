//! From the device to the latest JPEG: sources, pixel formats, encoding, slots, pan and tilt.
//!
//! Capture thread → [`slot::RawSlot`] → encoder thread → [`slot::PictureSlot`] → any number of
//! [`viewing::Viewer`]s. Newest wins in both slots; a frame is encoded once, whoever watches.

mod auto;
mod canvas;
pub mod capture;
pub mod drive;
pub mod encode;
pub mod format;
pub mod frame;
mod huffman;
pub mod jpeg;
mod lettering;
pub mod mjpeg;
pub mod observe;
pub mod pattern;
pub mod placeholder;
mod planes;
pub mod pool;
mod scene;
pub mod settings;
pub mod slot;
pub mod source;
pub mod v4l2;
pub mod viewing;

pub use auto::opener;

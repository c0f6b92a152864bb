//! From the device to the latest JPEG: sources, pixel formats, encoding, slots, pan and tilt.
//!
//! Capture thread → [`slot::RawSlot`] → encoder thread → [`slot::PictureSlot`] → any number of
//! [`viewing::Viewer`]s. Newest wins in both slots; a frame is encoded once, whoever watches. What
//! can be set on a camera goes another way: [`control_queue::ControlQueue`] → the
//! [`control_worker::ControlWorker`]'s thread → the device's [`control_device::ControlDevice`].

mod canvas;
pub mod capture;
pub mod config;
pub mod control;
pub mod control_device;
pub mod control_queue;
pub mod control_worker;
pub mod drive;
pub mod encode;
pub mod format;
pub mod frame;
mod huffman;
pub mod jpeg;
mod lettering;
pub mod mjpeg;
pub mod modes;
pub mod observe;
pub mod pattern;
pub mod placeholder;
mod planes;
pub mod pool;
mod scene;
mod schema;
pub mod settings;
pub mod slot;
pub mod source;
mod source_selector;
pub mod test_pattern_controls;
pub mod user_overrides;
pub mod v4l2;
pub mod viewing;

pub use source_selector::SourceSelector;

//! From the device to the latest JPEG: sources, pixel formats, encoding, slots, pan and tilt.
//!
//! Capture thread → [`slot::RawSlot`] → encoder thread → [`slot::PictureSlot`] → any number of
//! [`viewing::Viewer`]s. Newest wins in both slots; a frame is encoded once, whoever watches. What can be set on a
//! camera goes another way: [`desk::Desk`] → the [`attendant::Attendant`]'s thread → the device's [`panel::Panel`].

pub mod attendant;
mod auto;
mod canvas;
pub mod capture;
pub mod chosen;
pub mod config;
pub mod control;
pub mod desk;
pub mod drive;
pub mod encode;
pub mod format;
pub mod frame;
mod huffman;
pub mod jpeg;
pub mod knobs;
mod lettering;
pub mod mjpeg;
pub mod modes;
pub mod observe;
pub mod panel;
pub mod pattern;
pub mod placeholder;
mod planes;
pub mod pool;
mod scene;
mod schema;
pub mod settings;
pub mod slot;
pub mod source;
pub mod v4l2;
pub mod viewing;

pub use auto::Place;

//! From the device to the latest JPEG: sources, pixel formats, encoding, slots, pan and tilt.

pub mod capture;
pub mod config;
pub mod control;
pub mod control_device;
pub mod control_queue;
pub mod control_worker;
mod drawing;
pub mod drive;
pub mod encode;
pub mod format;
pub mod frame;
mod huffman;
pub mod jpeg;
mod mjpeg;
pub mod modes;
pub mod observe;
mod placeholder;
mod planes;
mod poll;
mod pool;
mod schema;
pub mod settings;
pub mod slot;
pub mod source;
mod source_selector;
pub mod test_pattern;
pub mod user_overrides;
pub mod v4l2;
pub mod viewers;

pub use source_selector::SourceSelector;

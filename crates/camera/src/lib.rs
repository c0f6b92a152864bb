#![doc = include_str!("../README.md")]
//!
//! # Where to find what
//!
//! - Frames: [`source`] (the trait and its errors), [`v4l2`], [`test_pattern`], [`SourceSelector`].
//! - The pipeline: [`capture`], [`encode`], the two slots between threads ([`slot`]), [`viewers`].
//! - What is in it: [`mod@format`], [`frame`], [`jpeg`], [`mjpeg`], [`modes`].
//! - What is asked of a camera: [`config`] (the settings file), [`user_overrides`] (what people
//!   chose over it), [`settings`] (the result).
//! - Controls, pan, tilt, zoom: [`control`], [`control_device`], [`control_queue`],
//!   [`control_worker`], [`drive`].
//! - What it reports: [`observe`].
//!
//! Private: `huffman`, `planes`, `pool` (the parts of encoding), `drawing` and
//! `placeholder` (pictures made here), `schema` (the `OpenAPI` shape of a patch), `poll`.

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
pub mod mjpeg;
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

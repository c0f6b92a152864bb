#![doc = include_str!("../README.md")]

mod replace;
mod writer;

pub use replace::replace;
pub use writer::{PendingWrite, Store, WriteError, Writer};

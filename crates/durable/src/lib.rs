//! What must outlive a power cut: files that are the old one or the new one at every moment, and a
//! thread that writes the newest state so that nobody waits for the disk who does not want to.

mod replace;
mod writer;

pub use replace::replace;
pub use writer::{PendingWrite, Store, WriteError, Writer};

//! Writing to a router and believing only what is read back: what the router holds decides.
//!
//! A router may say yes and store nothing, say yes and overwrite another's mapping, or say no with
//! any of half a dozen codes. So: read, write, read again, and decide by the second reading. "Ours"
//! is an entry that forwards to our own address and port; its description does not matter.

mod clock;
mod evict;
#[cfg(test)]
mod fake;
mod holder;
mod release;
mod rename;
mod secure;
#[cfg(test)]
mod tests;

pub use evict::{Eviction, evict};
pub use holder::{Holder, holder};
pub use release::{Release, release};
pub use rename::{RenameAttempts, secure_renamed};
pub use secure::{Grant, PriorMapping, SecureOutcome, secure};

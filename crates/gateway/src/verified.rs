//! Writing to a router and believing only what is read back: what the router holds decides.
//!
//! A router may say yes and store nothing, say yes and overwrite another's mapping, or say no with
//! any of half a dozen codes. So: read, write, read again, and decide by the second reading. "Ours"
//! is an entry that forwards to our own address and port; its description does not matter.
//!
//! A reading has three answers: ours, another's, and *cannot tell*, where the router shows a name
//! or nothing for the device, or shows no mappings at all. Then this much is believed: that a
//! mapping on a port that was never asked for is another's; that one is ours which stands there
//! after a yes to our request, unless it is described as another server's; a refusal; and, on a
//! router that was never seen to show anything, the yes itself (`reading`).

mod clock;
mod evict;
#[cfg(test)]
mod fake;
mod holder;
mod learned;
mod lease_display;
mod release;
mod remake;
mod rename;
mod secure;
#[cfg(test)]
mod tests;

pub use evict::{Eviction, evict};
pub use holder::{Holder, holder};
pub use learned::Learned;
pub use release::{Release, Released, release};
pub use remake::remake;
pub use rename::secure_renamed;
pub use secure::{Asked, Evidence, Grant, PriorMapping, Renewal, SecureOutcome, Shown, secure};

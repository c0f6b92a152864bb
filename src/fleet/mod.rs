//! The peer map (seed: port mapping storage 14c): what is known of every camera, merged from
//! several sources by a pure function.
//!
//! Each source knows something else. The router's table (Embodiments 1 and 3) knows who is mapped
//! where, even of cameras that never speak on this LAN. A camera's own report, asked for
//! (Embodiment 2) or not (¶47, ¶64), knows its name and what it is doing, at once. Its entry in
//! mDNS is a hint, where nothing else is heard. [`Known`] remembers what each says; [`merge()`]
//! puts them together by the one thing they share, the camera's address on the LAN, and says which
//! of them vouches for what it shows.

mod camera;
mod default_name;
mod known;
mod mapped;
mod merge;
mod report;
mod tell_apart;

pub use camera::{Activity, Camera, Fleet, Presence, Scheme, Source, Standing, Vouched, Who};
pub use default_name::default_name;
pub use known::{Advertised, FRESH_HEARTBEATS, GONE_HEARTBEATS, Heard, Known, MOST_PEERS, Speaker};
pub use mapped::{Mapped, mapped};
pub use merge::{Myself, Sources, merge};
pub use report::{Occasion, Report};
pub use tell_apart::Labels;

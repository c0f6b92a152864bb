//! The peer map (seed: port mapping storage 14c): what is known of every camera, merged from
//! several sources by a pure function.
//!
//! The sources complete each other. The router's table (Embodiments 1 and 3) has who is mapped
//! where, also of cameras that send nothing on this LAN. A camera's own report, asked for
//! (Embodiment 2) or not (¶47, ¶64), has its name and what it is doing, at once. Its entry in mDNS
//! is a hint, where nothing else is heard. [`Observations`] keeps what each says; [`merge()`] puts
//! them together by the one thing they share, the camera's address on the LAN, and says which
//! cameras are verified by a report of their own. How and why: `docs/design/fleet.md`.

mod camera;
mod default_name;
mod mapped;
mod merge;
mod observations;
mod report;
mod tell_apart;

pub use camera::{
    Activity, Camera, Fleet, FleetSource, Locality, Presence, Scheme, Standing, Verification,
};
pub use default_name::default_name;
pub use mapped::{MappedServer, mapped_servers};
pub use merge::{MergeInput, Myself, merge};
pub use observations::{
    AdvertisedServer, FRESH_HEARTBEATS, GONE_HEARTBEATS, MAX_PEERS, Observations, ReceivedReport,
    ReportingServer,
};
pub use report::{Occasion, Report};
pub use tell_apart::Labels;

//! A simulated router, for the demo and the tests.
//!
//! Its [`Table`] of port mappings is pure: time is passed in, and how it departs from the standard
//! is data ([`Quirks`] for its habits, [`AddConduct`] and [`DeleteConduct`] for what it does with
//! one request). With the feature `server`, which is on by default, it is a UPnP Internet Gateway
//! Device as seen from the LAN (SSDP, SOAP, leases that run out) and it forwards: a TCP port mapped
//! on the WAN address really leads to the camera. It needs no rights and no namespaces; on
//! loopback, LAN and WAN are two addresses of 127.0.0.0/8. What a proxy cannot do as a NAT does is
//! written in `server/forward.rs`. UDP mappings are listed but carry nothing.

mod conduct;
mod fault;
pub mod named;
mod quirks;
#[cfg(feature = "server")]
mod server;
mod table;
mod time;

pub use conduct::{AddConduct, DeleteConduct};
pub use fault::Fault;
pub use quirks::{
    Access, AddForOther, AfterReboot, AnswerSource, BodyEnd, ClientText, Conflict, ControlUrls,
    DeleteMissing, DeleteOfOther, DescriptionLead, Descriptions, Enablement, Encoding, EntryForm,
    Established, External, ExternalChange, FaultStatus, FirstLine, Generation, LeadsTo, LeaseClock,
    Leases, ListEnd, Listing, Order, PerInner, Quirks, Renewal, ReservedPorts, Residents,
    SearchAnswers, Services, Shown, SoapHeader, Specific, TableAfterReboot, Ticks, Visibility,
    WhenFull,
};
#[cfg(feature = "server")]
pub use server::{Error, Event, SimRouter, SimRouterConfig, Wan};
pub use table::{AddOutcome, Mapping, Protocol, Table, TableEntry};
pub use time::TimePoint;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;

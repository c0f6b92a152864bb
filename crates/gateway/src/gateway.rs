//! What every router can be asked for: the seam between the pure cores and the network.

use std::net::SocketAddrV4;
use std::time::Duration;

use async_trait::async_trait;

use porthole_types::ExternalPort;

use crate::action::Action;
use crate::address::ExternalAddress;
use crate::budget::RequestKind;
use crate::description::Description;
use crate::entry::MappingEntry;
use crate::error::Error;
use crate::identity::Identity;
use crate::lease::Lease;
use crate::status::Status;
use crate::table::Table;

/// One TCP mapping as it is asked of the router (UPnP `AddPortMapping`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingRequest {
    /// The port on the Internet side.
    pub external: ExternalPort,
    /// Where the router is to forward it: this server's own LAN address and port.
    pub internal: SocketAddrV4,
    /// For how long.
    pub lease: Lease,
    /// What the router is to show for it.
    pub description: Description,
}

/// A router that maps ports, as it claims to: one request, one answer, its answers are not checked.
/// [`verified`](crate::verified) does the checking.
///
/// Every call ends within [`REQUEST_TIME`](crate::igd::REQUEST_TIME) per request that it makes, and
/// the time that these wait for their turn ([`RequestQueue`](crate::RequestQueue)).
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Which router this is.
    fn identity(&self) -> &Identity;

    /// The address that the router says the Internet reaches it at (`GetExternalIPAddress`).
    async fn external_address(&self) -> Result<ExternalAddress, Error>;

    /// Ask for a mapping, or renew one's own (`AddPortMapping`).
    async fn add(&self, request: &MappingRequest) -> Result<(), Error>;

    /// Delete the TCP mapping of a port (`DeletePortMapping`).
    async fn delete(&self, port: ExternalPort) -> Result<(), Error>;

    /// The TCP mapping of a port, or nothing where the port is free (`GetSpecificPortMappingEntry`,
    /// or the table on routers without it). `Refused` with code 606 when the router hides it
    /// from us.
    async fn entry(&self, port: ExternalPort) -> Result<Option<MappingEntry>, Error>;

    /// The TCP mapping of a port as the table shows it: a second look where [`Gateway::entry`] gave
    /// nothing. Nothing too where only a part of the table can be read.
    async fn listed(&self, port: ExternalPort) -> Result<Option<MappingEntry>, Error> {
        Ok(self.table().await?.tcp(port).cloned())
    }

    /// All mappings that the router shows.
    async fn table(&self) -> Result<Table, Error>;

    /// Whether its Internet side is up, and since when (`GetStatusInfo`).
    async fn status(&self) -> Result<Status, Error>;
}

/// Told of every request made to a router, so that it can be counted.
pub trait Observer: Send + Sync {
    /// A request ended: well, or with the label of its [`Error::code`]. "There is no such entry" is
    /// an answer, not a failure.
    fn request(&self, action: Action, result: Result<(), &'static str>);

    /// A request, or the begin of a poll, had to wait so long for its turn.
    fn waited(&self, kind: RequestKind, wait: Duration) {
        let _ = (kind, wait); // who counts requests need not count this
    }
}

/// Counts nothing, for callers that have nothing to count with.
impl Observer for () {
    fn request(&self, _: Action, _: Result<(), &'static str>) {}
}

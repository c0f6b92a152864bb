//! Which router it is.

use std::net::Ipv4Addr;

use serde::Serialize;
use url::Url;

use crate::device::ServiceType;

/// Whether a router is the one that this machine's packets to the Internet go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// It is the default gateway.
    Default,
    /// It is another device on the LAN, or the default gateway is not known.
    Other,
}

/// Which router this is, as far as it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Its own name and model, allow-listed characters only, at most 64.
    pub name: String,
    /// Its address on the LAN: the one that answered the search, or the default gateway's where a
    /// neighbour told of it. No other is ever asked.
    pub address: Ipv4Addr,
    /// The service that does the mapping.
    pub service: ServiceType,
    /// Whether it is the default gateway.
    pub route: Route,
}

/// A router that a search found, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredRouter {
    /// Which it is.
    pub identity: Identity,
    /// The URL that takes its requests, on the router's own address.
    pub control: Url,
    /// The address of this server that the search left from: requests leave from it too.
    pub from: Ipv4Addr,
}

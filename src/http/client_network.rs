//! The network that a request comes from.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;

use super::App;
use super::client_address::{AddressEvidence, Origin, is_trusted, origin};
use crate::lan::ClientNetwork;
use crate::shared::SharedState;

/// What the address at the other end of a connection says.
pub struct ClientOrigin {
    /// The network that it is of.
    pub network: ClientNetwork,
    /// The address, where it tells clients apart: not the router's, which may stand for everybody
    /// outside, nor that of a trusted proxy.
    pub telling: Option<IpAddr>,
}

/// What an address says.
pub fn network_of(peer: IpAddr, shared: &SharedState) -> ClientOrigin {
    let peer = peer.to_canonical();
    let router = shared.router.borrow();
    let router = router.found.as_ref().map(|found| found.identity.address);
    let lan = shared.lan_address();
    let gateway = lan.as_ref().and_then(|lan| lan.default_gateway);
    let of_router = |address: Ipv4Addr| peer == IpAddr::V4(address);
    let of_proxy = is_trusted(peer, &shared.settings.http.trusted_proxies);
    let tells = !of_proxy && !router.is_some_and(of_router) && !gateway.is_some_and(of_router);
    ClientOrigin {
        network: ClientNetwork::of(peer, lan.as_ref(), router),
        telling: tells.then_some(peer),
    }
}

/// The network of the client behind a request, by its address. That a proxy is on the LAN says
/// nothing about the people behind it.
pub fn client_network(request: &HttpRequest, app: &App) -> ClientNetwork {
    let Origin { address, evidence } = origin(request);
    match evidence {
        AddressEvidence::Unknown => return ClientNetwork::Outside,
        // This is the proxy's own loopback, not ours.
        AddressEvidence::TrustedProxy if address.is_loopback() => return ClientNetwork::Outside,
        AddressEvidence::TrustedProxy | AddressEvidence::Connection => {}
    }
    network_of(address, &app.shared).network
}

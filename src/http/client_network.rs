//! The network that a request comes from.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;

use super::App;
use crate::lan::ClientNetwork;
use crate::shared::SharedState;

/// What the address at the other end of a connection says.
pub struct ClientOrigin {
    /// The network that it is of.
    pub network: ClientNetwork,
    /// The address, where it tells clients apart: not the router's, which may stand for everybody
    /// outside.
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
    let tells = !router.is_some_and(of_router) && !gateway.is_some_and(of_router);
    ClientOrigin {
        network: ClientNetwork::of(peer, lan.as_ref(), router),
        telling: tells.then_some(peer),
    }
}

/// The network of the client behind a request, by the address that its connection comes from.
pub fn client_network(request: &HttpRequest, app: &App) -> ClientNetwork {
    let peer = request.peer_addr().map(|peer| peer.ip());
    // Without an address (a test of a handler alone) nothing says that it is on the LAN.
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    network_of(peer, &app.shared).network
}

//! The network that a request comes from.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;

use super::App;
use crate::lan::ClientNetwork;

/// The network of the client behind a request, by the address that its connection comes from.
pub fn client_network(request: &HttpRequest, app: &App) -> ClientNetwork {
    let router = app.shared.router.borrow();
    let router = router.found.as_ref().map(|found| found.identity.address);
    let peer = request.peer_addr().map(|peer| peer.ip());
    // Without an address (a test of a handler alone) nothing says that it is on the LAN.
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    ClientNetwork::of(peer, app.shared.lan_address().as_ref(), router)
}

//! The network that a request comes from.

use actix_web::HttpRequest;

use super::App;
use super::client_address::{AddressEvidence, Origin, origin};
use crate::lan::ClientNetwork;

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
    let router = app.shared.router.borrow();
    let router = router.found.as_ref().map(|found| found.identity.address);
    ClientNetwork::of(address, app.shared.lan_address().as_ref(), router)
}

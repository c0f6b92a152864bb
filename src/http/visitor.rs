//! Who asks: somebody on the LAN, or somebody outside.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;

use super::App;
use crate::lan::interface::LanAddress;

/// Where a visitor stands. It decides which addresses the links carry (routers seldom hairpin), and
/// what it may see and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// On the LAN: the cameras' own addresses lead to them.
    OnLan,
    /// Anywhere else, or come through the router: only the router's ports lead to the cameras.
    Outside,
}

impl Visitor {
    /// The visitor behind a request, by the address that its connection comes from: a header can say
    /// anything, a TCP connection only comes from where its answers arrive.
    pub fn of(request: &HttpRequest, app: &App) -> Self {
        let lan = app.cells.lan_address();
        let router = app.cells.router.borrow().found.as_ref().map(|found| found.identity.address);
        match request.peer_addr().map(|peer| peer.ip().to_canonical()) {
            Some(IpAddr::V4(peer)) => Self::from_address(peer, lan.as_ref(), router),
            _ => Self::Outside,
        }
    }

    /// A connection that seems to come from the router itself was forwarded by one that rewrites the
    /// source address as well, or came in over a hairpin: the router's ports work for both.
    fn from_address(peer: Ipv4Addr, lan: Option<&LanAddress>, router: Option<Ipv4Addr>) -> Self {
        let default_gateway = lan.and_then(|lan| lan.default_gateway);
        if Some(peer) == router || Some(peer) == default_gateway {
            Self::Outside
        } else if peer.is_loopback() || lan.is_some_and(|lan| lan.contains(peer)) {
            Self::OnLan
        } else {
            Self::Outside
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lan() -> LanAddress {
        LanAddress {
            name: "eth0".into(),
            address: Ipv4Addr::new(192, 168, 77, 11),
            prefix_len: 24,
            default_gateway: Some(Ipv4Addr::new(192, 168, 77, 1)),
        }
    }

    fn of(peer: [u8; 4]) -> Visitor {
        Visitor::from_address(peer.into(), Some(&lan()), None)
    }

    #[test]
    fn a_neighbour_is_on_the_lan_and_so_is_this_machine() {
        assert_eq!(of([192, 168, 77, 20]), Visitor::OnLan);
        assert_eq!(of([127, 0, 0, 1]), Visitor::OnLan);
    }

    #[test]
    fn a_stranger_is_outside_and_so_is_what_comes_through_the_router() {
        assert_eq!(of([60, 120, 76, 1]), Visitor::Outside);
        assert_eq!(of([192, 168, 78, 20]), Visitor::Outside);
        assert_eq!(of([192, 168, 77, 1]), Visitor::Outside);
    }

    #[test]
    fn without_an_address_of_its_own_only_this_machine_is_near() {
        let of = |peer: [u8; 4]| Visitor::from_address(peer.into(), None, None);
        assert_eq!(of([192, 168, 77, 20]), Visitor::Outside);
        assert_eq!(of([127, 0, 0, 1]), Visitor::OnLan);
    }
}

//! [`ClientNetwork`]: whether a client is on the LAN or outside. It decides which addresses the
//! links have (routers seldom hairpin), how many wrong passwords are allowed, and what may be seen
//! and done.

use std::net::{IpAddr, Ipv4Addr};

use super::interface::LanAddress;

/// The network that a client's connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientNetwork {
    /// The LAN: the cameras' own addresses lead to them.
    Lan,
    /// Anywhere else, or through the router: only the router's ports lead to the cameras.
    Outside,
}

impl ClientNetwork {
    /// The network of the address at the other end of a connection: a header can say anything, a
    /// TCP connection only comes from where its answers arrive. `router` is the address of the
    /// router's UPnP service.
    ///
    /// A connection that seems to come from the router itself was forwarded by one that rewrites
    /// the source address as well, or came in over a hairpin: the router's ports work for both.
    pub fn of(peer: IpAddr, lan: Option<&LanAddress>, router: Option<Ipv4Addr>) -> Self {
        let IpAddr::V4(peer) = peer.to_canonical() else {
            return Self::Outside;
        };
        let default_gateway = lan.and_then(|lan| lan.default_gateway);
        if Some(peer) == router || Some(peer) == default_gateway {
            Self::Outside
        } else if peer.is_loopback() || lan.is_some_and(|lan| lan.contains(peer)) {
            Self::Lan
        } else {
            Self::Outside
        }
    }

    /// The value of the attribute `data-client-network` in pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::Outside => "outside",
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

    fn of(peer: [u8; 4]) -> ClientNetwork {
        ClientNetwork::of(peer.into(), Some(&lan()), None)
    }

    #[test]
    fn a_neighbour_is_on_the_lan_and_so_is_this_machine() {
        assert_eq!(of([192, 168, 77, 20]), ClientNetwork::Lan);
        assert_eq!(of([127, 0, 0, 1]), ClientNetwork::Lan);
    }

    #[test]
    fn a_stranger_is_outside_and_so_is_what_comes_through_the_router() {
        assert_eq!(of([60, 120, 76, 1]), ClientNetwork::Outside);
        assert_eq!(of([192, 168, 78, 20]), ClientNetwork::Outside);
        assert_eq!(of([192, 168, 77, 1]), ClientNetwork::Outside);
    }

    #[test]
    fn without_an_address_of_its_own_only_this_machine_is_on_the_lan() {
        let of = |peer: [u8; 4]| ClientNetwork::of(peer.into(), None, None);
        assert_eq!(of([192, 168, 77, 20]), ClientNetwork::Outside);
        assert_eq!(of([127, 0, 0, 1]), ClientNetwork::Lan);
    }
}

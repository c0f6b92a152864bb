//! What a search is told: from where, whom, and how long.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// The port that routers listen on for searches, and that announcements are sent to.
pub const SSDP_PORT: u16 = 1900;

/// A search for routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// This server's own address on the LAN interface: searches leave from it.
    pub from: Ipv4Addr,
    /// Where searches go: the SSDP group, or one router's own address and port.
    pub ssdp: SocketAddrV4,
    /// The default gateway, where it is known. It is asked by unicast too, unless `ssdp` is
    /// unicast already.
    pub default_gateway: Option<Ipv4Addr>,
    /// How long to wait for answers. The descriptions and, with several routers, their states take
    /// up to a minute more.
    pub wait: Duration,
}

impl Search {
    /// Whose answer is enough: the default gateway's, or that of the one router asked.
    pub(super) fn preferred(&self) -> Option<Ipv4Addr> {
        if self.ssdp.ip().is_multicast() {
            self.default_gateway
        } else {
            Some(*self.ssdp.ip())
        }
    }

    /// The one router that is asked, where it is not everybody: others may tell of it, as of the
    /// default gateway, for a pair of gateways answers from the address of one of them, with a
    /// location on the address that they share.
    pub(super) fn asked_alone(&self) -> Option<Ipv4Addr> {
        let ip = *self.ssdp.ip();
        (!ip.is_multicast()).then_some(ip)
    }

    /// Whom to ask.
    pub(super) fn destinations(&self) -> Vec<SocketAddrV4> {
        let multicast = self.ssdp.ip().is_multicast();
        let gateway = self.default_gateway.filter(|_| multicast);
        std::iter::once(self.ssdp)
            .chain(gateway.map(|gateway| SocketAddrV4::new(gateway, SSDP_PORT)))
            .collect()
    }
}

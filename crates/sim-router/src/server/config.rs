//! What a simulated router is made from.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::quirks::Quirks;

/// Enough for every viewer of a camera, few enough for the file descriptors of one process.
const CONNECTIONS_PER_MAPPING: usize = 512;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimRouterConfig {
    /// The router's address on the LAN: its web server, the source of its searches' answers, the
    /// peer that cameras see.
    pub lan_address: Ipv4Addr,
    /// Where mapped ports are opened.
    pub wan_address: Ipv4Addr,
    /// What `GetExternalIPAddress` says, true or not.
    pub reported_external: Ipv4Addr,
    /// Where searches are answered: `lan_address` or a multicast group, with a port. Port 0 is a
    /// free one.
    pub ssdp: SocketAddrV4,
    /// The web server's port until the first reboot; 0 is a free one.
    pub http_port: u16,
    /// How it departs from the standard.
    pub quirks: Quirks,
    /// Connections through one mapping at a time; more are reset.
    pub connections_per_mapping: usize,
}

impl SimRouterConfig {
    /// A router on this machine alone, on free ports, that says it has the seed's own example
    /// address (Fig. 6).
    #[must_use]
    pub fn loopback(lan_address: Ipv4Addr, wan_address: Ipv4Addr) -> Self {
        Self {
            lan_address,
            wan_address,
            reported_external: Ipv4Addr::new(60, 120, 76, 64),
            ssdp: SocketAddrV4::new(lan_address, 0),
            http_port: 0,
            quirks: Quirks::default(),
            connections_per_mapping: CONNECTIONS_PER_MAPPING,
        }
    }
}

//! Why a simulated router cannot do what its owner asks of it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::fault::Fault;

/// Why a simulated router could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Started outside tokio.
    #[error("a simulated router needs a tokio runtime to run on")]
    NoRuntime,
    /// The SSDP address belongs to nobody here.
    #[error(
        "SSDP has to be answered on the router's own address {lan} or on a multicast group, \
         not on {ssdp}"
    )]
    SsdpAddress {
        /// The router's address.
        lan: Ipv4Addr,
        /// What was asked for.
        ssdp: SocketAddrV4,
    },
    /// SSDP could not be set up.
    #[error("SSDP cannot be answered on {address} (router {lan})")]
    Ssdp {
        /// The router's address.
        lan: Ipv4Addr,
        /// The address that searches go to.
        address: SocketAddrV4,
        /// What the system said.
        source: io::Error,
    },
    /// The web server could not be set up.
    #[error("the router's web server cannot listen on {address}")]
    Http {
        /// The address wanted.
        address: SocketAddrV4,
        /// What the system said.
        source: io::Error,
    },
    /// A mapping could not be put in.
    #[error("external port {port} cannot be opened: {fault}")]
    Port {
        /// The port wanted.
        port: porthole_types::ExternalPort,
        /// The error with which the table refused the mapping.
        fault: Fault,
    },
}

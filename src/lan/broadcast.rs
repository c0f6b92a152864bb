//! Broadcast: the LAN's own broadcast address, for networks that filter multicast.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use tokio::net::UdpSocket;

use super::udp::{shared, udp};

/// The directed broadcast address of a network: its last one. A link of two or of one (RFC 3021)
/// has none.
pub fn address(of: Ipv4Addr, prefix_len: u8) -> Option<Ipv4Addr> {
    let host_bits = u32::MAX.checked_shr(prefix_len.into())?;
    (prefix_len <= 30).then(|| Ipv4Addr::from(u32::from(of) | host_bits))
}

/// A socket that receives what is sent to the broadcast address. Several servers on one machine can
/// each have one.
///
/// # Errors
/// When the kernel refuses: the port is taken by a program that does not share it.
pub fn open(broadcast: SocketAddrV4) -> io::Result<UdpSocket> {
    UdpSocket::from_std(shared(udp()?, broadcast)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broadcast_address_is_the_last_of_the_network() {
        let of = |a: [u8; 4], prefix_len| address(a.into(), prefix_len).map(|ip| ip.octets());
        assert_eq!(of([192, 168, 77, 11], 24), Some([192, 168, 77, 255]));
        assert_eq!(of([127, 0, 0, 11], 8), Some([127, 255, 255, 255]));
        assert_eq!(of([10, 1, 2, 3], 30), Some([10, 1, 2, 3]));
        assert_eq!(of([10, 1, 2, 3], 0), Some([255; 4]));
        assert_eq!(of([10, 1, 2, 3], 31), None);
        assert_eq!(of([10, 1, 2, 3], 32), None);
        assert_eq!(of([10, 1, 2, 3], 255), None);
    }
}

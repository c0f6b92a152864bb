//! Multicast: one group, one interface, time to live 1.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use socket2::Socket;
use tokio::net::UdpSocket;

use super::udp::{shared, udp};

/// A socket that receives what is sent to the group. Several servers on one machine can each have
/// one.
///
/// # Errors
/// When the kernel refuses: the port is taken by a program that does not share it, or the address
/// is on no interface of this machine.
pub fn open(group: SocketAddrV4, interface: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = udp()?;
    // Bound to the group, not to any address: a datagram sent to this machine alone is not for it.
    let socket = shared(socket, group)?;
    socket.join_multicast_v4(group.ip(), &interface)?;
    // Else it also receives from the groups that other programs of this machine have joined
    // elsewhere.
    socket.set_multicast_all_v4(false)?;
    UdpSocket::from_std(socket.into())
}

/// Lets a socket send to groups over this interface, no further than the LAN, and to this machine
/// too.
///
/// # Errors
/// When the address is on no interface of this machine.
pub fn prepare(socket: &Socket, interface: Ipv4Addr) -> io::Result<()> {
    socket.set_multicast_if_v4(&interface)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_multicast_ttl_v4(1)
}

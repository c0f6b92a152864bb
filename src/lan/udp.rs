//! What the UDP sockets of all transports have in common.

use std::io;
use std::net::SocketAddrV4;

use socket2::{Domain, Protocol, Socket, Type};

/// No datagram is longer, in bytes, so that none is ever fragmented.
pub const MAX_DATAGRAM: usize = 1200;

/// Receive buffer of a socket, in bytes, for while the server is busy: some thousand datagrams, so
/// that a heartbeat outlives a burst. The kernel gives at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A non-blocking IPv4 socket that is not bound yet.
pub(super) fn udp() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    Ok(socket)
}

/// Binds it to an address that other servers on this machine may bind to as well.
pub(super) fn shared(socket: Socket, address: SocketAddrV4) -> io::Result<Socket> {
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

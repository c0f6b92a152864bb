//! UDP sockets as every transport wants them.

use std::io;
use std::net::SocketAddrV4;

use socket2::{Domain, Protocol, Socket, Type};

/// No datagram is longer, in bytes, so that none is ever fragmented.
pub const MAX_DATAGRAM: usize = 1200;

/// What the kernel may keep for a server that is busy, in bytes: some thousand datagrams, so that a
/// heartbeat outlives a burst. The kernel gives at most `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 4 << 20;

/// One that is bound to nothing yet.
pub(super) fn udp() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    Ok(socket)
}

/// Bound to an address that other servers on this machine are bound to as well.
pub(super) fn shared(socket: Socket, address: SocketAddrV4) -> io::Result<Socket> {
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

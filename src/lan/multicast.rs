//! The multicast transport: one group, one interface, time to live 1.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// The group that the servers speak in, and the address of the interface they speak from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where every server listens, by default 239.255.80.80:8079 (RFC 2365: site-local scope).
    pub address: SocketAddrV4,
    /// This server's address on the LAN, which chooses the interface.
    pub interface: Ipv4Addr,
}

/// A socket that is a member of the group. Several servers on one machine can each have one.
///
/// # Errors
/// When the kernel refuses: the port is taken by a program that does not share it, or the address
/// is on no interface of this machine.
pub fn open(group: Group) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Bound to the group, not to any address: a datagram sent to this machine alone is not for us.
    socket.bind(&group.address.into())?;
    socket.join_multicast_v4(group.address.ip(), &group.interface)?;
    socket.set_multicast_if_v4(&group.interface)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_multicast_ttl_v4(1)?;
    UdpSocket::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn two_members_on_one_machine_hear_each_other_and_themselves() {
        // A port of this test's own: bound and let go, so that no other test's group is joined.
        let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 81), port);
        let join = |host| open(Group { address, interface: Ipv4Addr::new(127, 0, 0, host) }).unwrap();
        let (one, two) = (join(21), join(22));
        one.send_to(b"hello", address).await.unwrap();
        for member in [&one, &two] {
            let mut buffer = [0; 16];
            let (length, from) =
                tokio::time::timeout(Duration::from_secs(10), member.recv_from(&mut buffer))
                    .await
                    .expect("the datagram reaches every member")
                    .unwrap();
            assert_eq!(&buffer[..length], b"hello");
            assert_eq!(from.ip(), Ipv4Addr::new(127, 0, 0, 21), "the source names its sender");
        }
    }
}

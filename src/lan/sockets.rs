//! The sockets of one server, for each of the three transports.
//!
//! The *direct* one is bound to this server's own address: everything is sent from it, so that the
//! source of a datagram names its sender, and what is sent to this server alone is received there,
//! also where several servers share a machine. The *common* one receives what is sent to all: bound
//! to the multicast group, or to the LAN's broadcast address; with the unicast transport there is
//! none.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};

use socket2::SockRef;
use tokio::net::UdpSocket;

use super::interface::LanAddress;
use super::udp::udp;
use super::{MAX_DATAGRAM, broadcast, multicast};
use crate::settings::Transport;

/// The UDP port that the direct socket is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundPort {
    /// The group's, which all servers know.
    WellKnown,
    /// Any free one: the group's is taken at this address, by another server or another program.
    /// What is sent to all is received; whoever wants to send to this server alone has to have
    /// heard it first.
    Ephemeral,
}

/// The sockets of one server.
pub struct Sockets {
    direct: UdpSocket,
    common: Option<UdpSocket>,
    /// The destination of what is for all; none with unicast.
    everybody: Option<SocketAddrV4>,
    local_address: SocketAddrV4,
    port: BoundPort,
}

impl Sockets {
    /// Opens them on this address. `group` is the multicast group; its port is that of every
    /// transport.
    ///
    /// # Errors
    /// When the kernel refuses: the port is taken, the address is on no interface of this machine,
    /// or its network has no broadcast address.
    pub fn open(transport: Transport, group: SocketAddrV4, lan: &LanAddress) -> io::Result<Self> {
        let direct = udp()?;
        let well_known = SocketAddrV4::new(lan.address, group.port());
        let port = match direct.bind(&well_known.into()) {
            Ok(()) => BoundPort::WellKnown,
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
                direct.bind(&SocketAddrV4::new(lan.address, 0).into())?;
                BoundPort::Ephemeral
            }
            Err(why) => return Err(why),
        };
        let (everybody, common) = match transport {
            Transport::Multicast => {
                multicast::prepare(&direct, lan.address)?;
                (Some(group), Some(multicast::open(group, lan.address)?))
            }
            Transport::Broadcast => {
                let address = broadcast::address(lan.address, lan.prefix_len).ok_or_else(|| {
                    io::Error::other(format!(
                        "{}/{} has no broadcast address",
                        lan.address, lan.prefix_len
                    ))
                })?;
                let broadcast = SocketAddrV4::new(address, group.port());
                direct.set_broadcast(true)?;
                (Some(broadcast), Some(broadcast::open(broadcast)?))
            }
            Transport::Unicast => (None, None),
        };
        let direct = UdpSocket::from_std(direct.into())?;
        let local_address = match direct.local_addr()? {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => well_known, // cannot be: it was bound to an IPv4 address
        };
        Ok(Self {
            direct,
            common,
            everybody,
            local_address,
            port,
        })
    }

    /// The group's or the broadcast address and port, which reach all; none with unicast.
    pub fn everybody(&self) -> Option<SocketAddrV4> {
        self.everybody
    }

    /// The address and port that this server sends from.
    pub fn local_address(&self) -> SocketAddrV4 {
        self.local_address
    }

    /// Whether its port is the one that all servers know.
    pub fn port(&self) -> BoundPort {
        self.port
    }

    /// Sends at once or not at all: with a full buffer the datagram is lost, as in the network.
    ///
    /// # Errors
    /// The kernel's.
    pub fn send(&self, datagram: &[u8], to: SocketAddrV4) -> io::Result<()> {
        // Not through tokio, which takes a socket that was just made for not ready.
        SockRef::from(&self.direct).send_to(datagram, &to.into())?;
        Ok(())
    }

    /// Waits until either socket has something to read.
    ///
    /// # Errors
    /// When a socket has failed; it has to be opened anew.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.common {
            None => self.direct.readable().await,
            Some(common) => tokio::select! {
                ready = self.direct.readable() => ready,
                ready = common.readable() => ready,
            },
        }
    }

    /// Reads at most one datagram of each socket, without waiting, and gives each to `receive` with
    /// where it came from; the answer is how many there were.
    ///
    /// # Errors
    /// When a socket has failed; it has to be opened anew.
    pub fn read(&self, mut receive: impl FnMut(&[u8], SocketAddrV4)) -> io::Result<usize> {
        // One byte more than allowed, so that what is too long is seen to be so.
        let mut buffer = [0; MAX_DATAGRAM + 1];
        let mut read = 0;
        for socket in [Some(&self.direct), self.common.as_ref()]
            .into_iter()
            .flatten()
        {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, SocketAddr::V4(from))) => {
                    read += 1;
                    receive(&buffer[..length], from);
                }
                Ok((_, SocketAddr::V6(_))) => {}
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                Err(why) => return Err(why),
            }
        }
        Ok(read)
    }
}

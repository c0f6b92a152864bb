//! The sockets of one server, for each of the three transports.
//!
//! The *direct* one is bound to this server's own address: everything is sent from it, so that the
//! source of a datagram names its sender, and what is sent to this server alone comes in there,
//! also where several servers share a machine. The *common* one hears what is said to all: bound to
//! the multicast group, or to the LAN's broadcast address; with the unicast transport there is
//! none.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};

use socket2::SockRef;
use tokio::net::UdpSocket;

use super::interface::LanAddress;
use super::udp::udp;
use super::{MAX_DATAGRAM, broadcast, multicast};
use crate::settings::Transport;

/// Which of the two sockets a server has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The one that everybody knows.
    WellKnown,
    /// That one was taken at this address, by another server or another program. What is said to
    /// all is heard; whoever wants to say something to this server alone has to have heard it
    /// first.
    AnyFree,
}

/// The sockets of one server.
pub struct Sockets {
    direct: UdpSocket,
    common: Option<UdpSocket>,
    /// Where to send what is for everybody; none with unicast.
    everybody: Option<SocketAddrV4>,
    own: SocketAddrV4,
    port: Port,
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
            Ok(()) => Port::WellKnown,
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
                direct.bind(&SocketAddrV4::new(lan.address, 0).into())?;
                Port::AnyFree
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
        let own = match direct.local_addr()? {
            SocketAddr::V4(own) => own,
            SocketAddr::V6(_) => well_known, // it was bound to the other kind
        };
        Ok(Self {
            direct,
            common,
            everybody,
            own,
            port,
        })
    }

    /// Where all are spoken to at once; none with unicast.
    pub fn everybody(&self) -> Option<SocketAddrV4> {
        self.everybody
    }

    /// Where this server sends from.
    pub fn own(&self) -> SocketAddrV4 {
        self.own
    }

    /// Whether that is the port that everybody knows.
    pub fn port(&self) -> Port {
        self.port
    }

    /// Sends now or not at all: a full buffer loses it, like the network would.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn send(&self, datagram: &[u8], to: SocketAddrV4) -> io::Result<()> {
        // Not through tokio, which takes a socket that is a moment old for not ready.
        SockRef::from(&self.direct).send_to(datagram, &to.into())?;
        Ok(())
    }

    /// Waits until there is something to read.
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

    /// Reads what is there, one datagram of each socket, and gives each to `hear`; the answer is
    /// how many.
    ///
    /// # Errors
    /// When a socket has failed; it has to be opened anew.
    pub fn read(&self, mut hear: impl FnMut(&[u8], SocketAddrV4)) -> io::Result<usize> {
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
                    hear(&buffer[..length], from);
                }
                Ok((_, SocketAddr::V6(_))) => {}
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                Err(why) => return Err(why),
            }
        }
        Ok(read)
    }
}

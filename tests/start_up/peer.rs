//! A camera of the test's own: nothing but sending and receiving on the LAN.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use porthole::fleet::{Activity, Occasion, Report, Scheme};
use porthole::lan::{Body, InboundFilter, Keyring, Message, Sender};
use porthole::settings::{Secret, Site};
use porthole_election::Destination;
use porthole_types::{BootId, ExternalPort, InstanceId, InternalPort, Term};

use crate::support::lab::{Camera, PATIENCE};

/// How long a peer waits at a time for a datagram.
const RECEIVE_TIMEOUT: Duration = Duration::from_millis(100);

pub(crate) struct Peer {
    pub(crate) id: InstanceId,
    group: SocketAddrV4,
    sender: Sender,
    inbound_filter: InboundFilter,
    socket: UdpSocket,
}

impl Peer {
    /// One at this address, of the site with this key.
    pub(crate) fn new(address: Ipv4Addr, group: SocketAddrV4, key: Option<&str>) -> Self {
        let id = InstanceId(u64::from(address.to_bits()));
        let keys = Arc::new(keyring(key));
        let socket = UdpSocket::bind((address, group.port())).unwrap();
        socket.set_read_timeout(Some(RECEIVE_TIMEOUT)).unwrap();
        let raw = socket2::SockRef::from(&socket);
        raw.set_multicast_if_v4(&address).unwrap();
        raw.set_multicast_loop_v4(true).unwrap();
        let mut inbound_filter = InboundFilter::new(id, Arc::clone(&keys), Instant::now());
        inbound_filter.set_address(address);
        Self {
            id,
            group,
            sender: Sender::new(id, BootId(1), keys),
            inbound_filter,
            socket,
        }
    }

    /// Sends a message to all.
    pub(crate) fn say(&mut self, body: Body) {
        let datagram = self.sender.datagram(Destination::Everybody, body);
        self.socket.send_to(&datagram, self.group).unwrap();
    }

    /// Sends a message to one camera.
    pub(crate) fn tell(&mut self, camera: &Camera, body: Body) {
        let to = camera.address();
        let datagram = self.sender.datagram(Destination::One(to), body);
        let to = SocketAddrV4::new(to, self.group.port());
        self.socket.send_to(&datagram, to).unwrap();
    }

    /// The next datagram that is for this peer alone, if one comes soon.
    pub(crate) fn hear(&mut self) -> Option<Message> {
        let mut buffer = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
        let std::net::SocketAddr::V4(from) = from else {
            return None;
        };
        let datagram = &buffer[..length];
        self.inbound_filter
            .admit(datagram, *from.ip(), Instant::now())
            .ok()
    }

    /// Waits for a message to this peer alone that `pick` wants.
    #[track_caller]
    pub(crate) fn await_word<T>(
        &mut self,
        what: &str,
        mut pick: impl FnMut(Message) -> Option<T>,
    ) -> T {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(found) = self.hear().and_then(&mut pick) {
                return found;
            }
        }
        panic!("not within {PATIENCE:?}: {what}");
    }

    /// A report of a camera that has just started.
    pub(crate) fn report(name: &str) -> Report {
        Report {
            name: name.to_owned(),
            http_port: InternalPort::new(8080).unwrap(),
            external: None,
            term: Term(1),
            activity: Activity::Idle,
            scheme: Scheme::Http,
            occasion: Occasion::Unasked,
            auth_state: 0,
        }
    }
}

pub(crate) fn keyring(key: Option<&str>) -> Keyring {
    Keyring::new(&Site {
        key: key.map(|key| Secret::new(key.to_owned())),
        previous_key: None,
    })
}

/// An external port; none for 0.
pub(crate) fn external(port: u16) -> Option<ExternalPort> {
    ExternalPort::new(port)
}

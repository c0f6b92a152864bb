//! A camera of the test's own: nothing but sending and receiving on the LAN.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use porthole::fleet::{Activity, Occasion, Report, Scheme};
use porthole::lan::{Body, Handshake, InboundFilter, Keyring, Message, Nonce, Rejection, Sender};
use porthole::settings::{Secret, Site};
use porthole_election::Destination;
use porthole_types::{BootId, ExternalPort, InstanceId, InternalPort, Term};

use crate::support::lab::{Camera, PATIENCE};

/// How long a peer waits at a time for a datagram.
const RECEIVE_TIMEOUT: Duration = Duration::from_millis(100);

pub(crate) struct Peer {
    pub(crate) id: InstanceId,
    group: SocketAddrV4,
    keys: Arc<Keyring>,
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
            sender: Sender::new(id, BootId(getrandom::u64().unwrap()), Arc::clone(&keys)),
            keys,
            inbound_filter,
            socket,
        }
    }

    /// Sends a message to all.
    pub(crate) fn say(&mut self, body: Body) {
        let datagram = self.sender.datagram(Destination::Everybody, body).unwrap();
        self.socket.send_to(&datagram, self.group).unwrap();
    }

    /// Sends a message to one camera, which is there and believes this peer.
    pub(crate) fn tell(&mut self, camera: &Camera, body: Body) {
        self.meet(camera);
        let datagram = self.datagram(camera, body);
        self.send(camera, &datagram);
    }

    /// The next datagram of this peer to a camera.
    pub(crate) fn datagram(&mut self, camera: &Camera, body: Body) -> Vec<u8> {
        let to = Destination::One(camera.address());
        self.sender.datagram(to, body).unwrap()
    }

    pub(crate) fn send(&self, camera: &Camera, datagram: &[u8]) {
        let to = SocketAddrV4::new(camera.address(), self.group.port());
        self.socket.send_to(datagram, to).unwrap();
    }

    /// Shows the camera that this peer is there, where there is a key.
    #[track_caller]
    pub(crate) fn meet(&mut self, camera: &Camera) {
        if !self.keys.has_key() {
            return;
        }
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let asks = Handshake {
                challenge: Some(Nonce(1)),
                proof: None,
            };
            let datagram = self.datagram(camera, Body::Handshake(asks));
            self.send(camera, &datagram);
            while let Some((received, from)) = self.receive() {
                let Some(handshake) = reply_to(&received) else {
                    continue;
                };
                if *from.ip() == camera.address() {
                    // What it has not asked for it believes already.
                    self.shake_hands(from, handshake);
                    return;
                }
                self.shake_hands(from, handshake);
            }
        }
        panic!("{} does not answer within {PATIENCE:?}", camera.name);
    }

    fn shake_hands(&mut self, with: SocketAddrV4, handshake: Handshake) {
        if handshake == Handshake::default() {
            return;
        }
        let to = Destination::One(*with.ip());
        let body = Body::Handshake(handshake);
        let datagram = self.sender.datagram(to, body).unwrap();
        self.socket.send_to(&datagram, with).unwrap();
    }

    /// The next datagram that is for this peer alone, if one comes soon.
    fn receive(&mut self) -> Option<(Result<Message, Rejection>, SocketAddrV4)> {
        let mut buffer = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut buffer).ok()?;
        let std::net::SocketAddr::V4(from) = from else {
            return None;
        };
        let datagram = &buffer[..length];
        let received = self
            .inbound_filter
            .admit(datagram, *from.ip(), Instant::now());
        Some((received, from))
    }

    /// The next message that is for this peer alone, if one comes soon. Whoever asks is shown that
    /// this peer is there.
    pub(crate) fn hear(&mut self) -> Option<Message> {
        let (received, from) = self.receive()?;
        if let Some(handshake) = reply_to(&received) {
            self.shake_hands(from, handshake);
            return None;
        }
        received.ok()
    }

    /// Shows whoever has asked by now that this peer is there.
    pub(crate) fn answer(&mut self) {
        self.socket.set_nonblocking(true).unwrap();
        while let Some((received, from)) = self.receive() {
            if let Some(handshake) = reply_to(&received) {
                self.shake_hands(from, handshake);
            }
        }
        self.socket.set_nonblocking(false).unwrap();
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

/// What is to be sent back to who asks this peer to show that it is there, or has done so.
fn reply_to(received: &Result<Message, Rejection>) -> Option<Handshake> {
    match received {
        Err(Rejection::Unproven(reply)) => Some(*reply),
        Ok(message) => match message.body {
            Body::Handshake(handshake) => Some(handshake.answer().unwrap_or_default()),
            _ => None,
        },
        Err(_) => None,
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

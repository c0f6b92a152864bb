//! Two servers with real sockets on loopback, over each of the three transports (claim 4).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::interface::LanAddress;
use super::message::tests::{message, report};
use super::seal::tests::keys;
use super::*;
use crate::settings::Transport;
use porthole_types::InstanceId;

/// How long a datagram on loopback may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    id: InstanceId,
    keys: Arc<Keyring>,
    inbound_filter: InboundFilter,
    sockets: Sockets,
    counter: u64,
}

impl Server {
    fn open(id: InstanceId, host: u8, transport: Transport, port: u16) -> Self {
        // Without a key: what is tried here is the way, not who may be believed.
        let keys = Arc::new(keys("", ""));
        let lan = LanAddress {
            name: "lo".to_owned(),
            address: Ipv4Addr::new(127, 0, 0, host),
            prefix_len: 8,
            default_gateway: None,
        };
        let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 81), port);
        let mut inbound_filter = InboundFilter::new(id, Arc::clone(&keys), Instant::now());
        inbound_filter.set_address(lan.address);
        Self {
            id,
            inbound_filter,
            keys,
            sockets: Sockets::open(transport, group, &lan).unwrap(),
            counter: 0,
        }
    }

    fn say(&mut self, name: &str, to: SocketAddrV4) {
        self.counter += 1;
        let said = Message {
            from: self.id,
            counter: self.counter,
            to: (Some(to) != self.sockets.everybody()).then_some(*to.ip()),
            ..message(report(name, ""))
        };
        let datagram = self.keys.seal(&said.to_json()).unwrap();
        self.sockets.send(&datagram, to).unwrap();
    }

    /// The next datagram that comes, whatever the filter makes of it.
    async fn hear(&mut self) -> (Result<String, Rejection>, SocketAddrV4) {
        let mut heard = None;
        let hearing = async {
            while heard.is_none() {
                self.sockets.readable().await.unwrap();
                let inbound_filter = &mut self.inbound_filter;
                self.sockets
                    .read(|datagram, from| {
                        let message = inbound_filter.admit(datagram, *from.ip(), Instant::now());
                        assert!(heard.is_none(), "one at a time in these tests");
                        heard = Some((message.map(name_of), from));
                    })
                    .unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, hearing)
            .await
            .expect("a datagram comes");
        heard.unwrap()
    }
}

fn name_of(message: Message) -> String {
    match message.body {
        Body::Report(report) => report.name,
        other => panic!("only reports are said here, not {other:?}"),
    }
}

/// A port of this test's own: bound and let go, so that no other test's group is joined.
fn free_port() -> u16 {
    let any = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    any.local_addr().unwrap().port()
}

fn two(transport: Transport, hosts: [u8; 2]) -> [Server; 2] {
    let port = free_port();
    let [one, two] = hosts;
    [
        Server::open(InstanceId(1), one, transport, port),
        Server::open(InstanceId(2), two, transport, port),
    ]
}

/// What is sent to all reaches all, its sender included; what is sent to one reaches that one; the
/// source is the sender's own address and the group's port.
async fn all_and_one(transport: Transport, hosts: [u8; 2]) {
    let [mut one, mut two] = two(transport, hosts);
    let everybody = one.sockets.everybody().unwrap();
    one.say("to all", everybody);
    assert_eq!(
        two.hear().await,
        (Ok("to all".into()), one.sockets.local_address())
    );
    assert_eq!(
        one.hear().await,
        (Err(Rejection::OwnMessage), one.sockets.local_address())
    );
    assert_eq!(one.sockets.local_address().port(), everybody.port());
    two.say("to one", one.sockets.local_address());
    assert_eq!(
        one.hear().await,
        (Ok("to one".into()), two.sockets.local_address())
    );
}

#[tokio::test]
async fn over_multicast_all_and_one_are_reached() {
    all_and_one(Transport::Multicast, [21, 22]).await;
}

#[tokio::test]
async fn over_broadcast_all_and_one_are_reached() {
    all_and_one(Transport::Broadcast, [23, 24]).await;
}

#[tokio::test]
async fn over_unicast_each_peer_that_is_named_is_reached_and_answers() {
    let [mut one, mut two] = two(Transport::Unicast, [25, 26]);
    assert_eq!(one.sockets.everybody(), None);
    let named = Peers::new(
        vec![two.sockets.local_address()],
        one.sockets.local_address().port(),
    );
    for peer in named.all(Instant::now()) {
        one.say("to a named one", peer);
    }
    let (heard, from) = two.hear().await;
    assert_eq!(heard, Ok("to a named one".into()));
    let mut learned = Peers::new(Vec::new(), from.port());
    learned.heard(from, Instant::now());
    for peer in learned.all(Instant::now()) {
        two.say("to a learned one", peer);
    }
    assert_eq!(one.hear().await.0, Ok("to a learned one".into()));
}

#[tokio::test]
async fn two_servers_that_share_an_address_hear_each_other_and_answer_where_they_were_heard() {
    let [mut one, mut two] = two(Transport::Multicast, [27, 27]);
    assert_eq!(one.sockets.port(), BoundPort::WellKnown);
    assert_eq!(two.sockets.port(), BoundPort::Ephemeral);
    let everybody = one.sockets.everybody().unwrap();
    two.say("from the second", everybody);
    let (heard, from) = one.hear().await;
    assert_eq!(heard, Ok("from the second".into()));
    assert_eq!(two.hear().await.0, Err(Rejection::OwnMessage));
    one.say("to the second", from);
    assert_eq!(two.hear().await.0, Ok("to the second".into()));
}

#[test]
fn a_link_without_a_broadcast_address_is_refused_in_words() {
    let lan = LanAddress {
        name: "ppp0".to_owned(),
        address: Ipv4Addr::new(127, 0, 0, 29),
        prefix_len: 32,
        default_gateway: None,
    };
    let group = SocketAddrV4::new(Ipv4Addr::new(239, 255, 80, 81), free_port());
    let why = Sockets::open(Transport::Broadcast, group, &lan)
        .err()
        .unwrap();
    assert_eq!(why.to_string(), "127.0.0.29/32 has no broadcast address");
}

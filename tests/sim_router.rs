//! The simulated router, driven over real sockets: by igd-next, an independent client, and by raw HTTP from chosen
//! addresses (igd-next cannot choose where it connects from, and secure mode looks at just that).

#![allow(
    clippy::unwrap_used,
    reason = "in a test, what cannot go wrong fails it when it does; helpers count as no test"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use igd::aio::Gateway;
use igd::aio::tokio::{Tokio, search_gateway};
use igd::{AddPortError, PortMappingProtocol, RemovePortError, SearchOptions};
use porthole::ids::{ExternalPort, InternalPort};
use porthole::sim::{
    Access, Conflict, Entry, Error, Established, Event, Leases, Listing, Mapping, Protocol, Quirks,
    SimConfig, SimRouter, Wan,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::broadcast;
use tokio::time::timeout;

/// Far more than anything here takes, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(20);

/// The addresses of one test: its own piece of 127.0.0.0/8, so that tests, and runs of them, do not meet.
struct Net(u8);

impl Net {
    fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        Self(NEXT.fetch_add(4, Ordering::Relaxed))
    }

    fn address(&self, last: u8) -> Ipv4Addr {
        let process = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, 64 | process[2] & 63, process[3], self.0 + last)
    }

    fn lan(&self) -> Ipv4Addr {
        self.address(0)
    }

    fn wan(&self) -> Ipv4Addr {
        self.address(1)
    }

    fn a(&self) -> Ipv4Addr {
        self.address(2)
    }

    fn b(&self) -> Ipv4Addr {
        self.address(3)
    }

    fn start(&self, quirks: Quirks) -> SimRouter {
        let config = SimConfig {
            quirks,
            ..SimConfig::loopback(self.lan(), self.wan())
        };
        SimRouter::start(config).unwrap()
    }

    fn outside(&self, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(self.wan(), port)
    }
}

async fn gateway(router: &SimRouter) -> Gateway<Tokio> {
    let mut options = SearchOptions::default();
    options.broadcast_address = router.ssdp_address().into();
    options.allowed_gateway_ips = vec![IpAddr::V4(*router.http_address().ip())];
    options.timeout = Some(PATIENCE);
    search_gateway(options).await.unwrap()
}

/// What came back from a SOAP call: 0 for OK, else the UPnP error code; and the whole body.
struct Answer {
    code: u16,
    body: String,
}

impl Answer {
    fn field(&self, name: &str) -> &str {
        let (_, rest) = self
            .body
            .split_once(&format!("<{name}>"))
            .unwrap_or_else(|| panic!("no {name} in {}", self.body));
        rest.split_once("</").unwrap().0
    }
}

async fn exchange(router: SocketAddrV4, from: Ipv4Addr, request: String) -> String {
    let talk = async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from, 0))).unwrap();
        let mut stream = socket.connect(router.into()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    timeout(PATIENCE, talk).await.expect("no answer over HTTP")
}

async fn get(router: &SimRouter, from: Ipv4Addr, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: router\r\nConnection: close\r\n\r\n");
    exchange(router.http_address(), from, head).await
}

async fn call_service(
    router: &SimRouter,
    from: Ipv4Addr,
    service: &str,
    action: &str,
    arguments: &[(&str, &str)],
) -> Answer {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|(name, value)| format!("<{name}>{value}</{name}>"))
        .collect();
    let arguments = arguments.concat();
    let body = format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>"
    );
    let request = format!(
        "POST /ctl/IPConn HTTP/1.1\r\nHost: router\r\nConnection: close\r\nContent-Type: text/xml\r\n\
         SOAPAction: \"{service}#{action}\"\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(router.http_address(), from, request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut answer = Answer {
        code: 0,
        body: body.to_owned(),
    };
    if head.starts_with("HTTP/1.1 500") {
        answer.code = answer.field("errorCode").parse().unwrap();
    } else {
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(body.contains(&format!("{action}Response")), "{body}");
    }
    answer
}

async fn call(
    router: &SimRouter,
    from: Ipv4Addr,
    action: &str,
    arguments: &[(&str, &str)],
) -> Answer {
    let service = "urn:schemas-upnp-org:service:WANIPConnection:2";
    call_service(router, from, service, action, arguments).await
}

async fn add(router: &SimRouter, from: Ipv4Addr, to: SocketAddrV4, port: u16, lease: u32) -> u16 {
    let arguments = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", &port.to_string()),
        ("NewProtocol", "TCP"),
        ("NewInternalPort", &to.port().to_string()),
        ("NewInternalClient", &to.ip().to_string()),
        ("NewEnabled", "1"),
        (
            "NewPortMappingDescription",
            "Porthole &lt;one&gt; &amp; only",
        ),
        ("NewLeaseDuration", &lease.to_string()),
    ];
    call(router, from, "AddPortMapping", &arguments).await.code
}

fn key(port: &str) -> [(&str, &str); 3] {
    [
        ("NewRemoteHost", ""),
        ("NewExternalPort", port),
        ("NewProtocol", "TCP"),
    ]
}

async fn delete(router: &SimRouter, from: Ipv4Addr, port: u16) -> u16 {
    let port = port.to_string();
    call(router, from, "DeletePortMapping", &key(&port))
        .await
        .code
}

async fn next(events: &mut broadcast::Receiver<Event>) -> Event {
    timeout(PATIENCE, events.recv())
        .await
        .expect("nothing happened")
        .unwrap()
}

/// A camera that answers each visitor with the address that it sees as its peer, then echoes.
async fn camera(address: Ipv4Addr) -> SocketAddrV4 {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, peer)) = listener.accept().await {
            tokio::spawn(async move {
                let IpAddr::V4(peer) = peer.ip() else {
                    unreachable!("bound to IPv4")
                };
                let _ = stream.write_all(&peer.octets()).await;
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    SocketAddrV4::new(address, port)
}

async fn visit(outside: SocketAddrV4) -> (TcpStream, Ipv4Addr) {
    let visit = async {
        let mut stream = TcpStream::connect(outside).await.unwrap();
        let mut seen = [0; 4];
        stream.read_exact(&mut seen).await.unwrap();
        (stream, Ipv4Addr::from(seen))
    };
    timeout(PATIENCE, visit)
        .await
        .expect("no greeting through the mapping")
}

async fn echoes(stream: &mut TcpStream, sent: &[u8]) -> bool {
    let talk = async {
        stream.write_all(sent).await?;
        let mut back = vec![0; sent.len()];
        stream.read_exact(&mut back).await?;
        std::io::Result::Ok(back == sent)
    };
    let done = timeout(PATIENCE, talk).await.expect("the connection hangs");
    done.unwrap_or(false)
}

/// Whether the other end has gone, with or without a reset.
async fn is_cut(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(
        timeout(PATIENCE, stream.read(&mut byte)).await,
        Ok(Ok(0) | Err(_))
    )
}

fn foreign(port: u16, client: SocketAddrV4) -> Entry {
    Entry {
        mapping: Mapping {
            protocol: Protocol::Tcp,
            external_port: ExternalPort::new(port).unwrap(),
            client: *client.ip(),
            internal_port: InternalPort::new(client.port()).unwrap(),
            description: "game console".to_owned(),
        },
        lease_end: None,
    }
}

fn secure() -> Quirks {
    Quirks {
        access: Access::Secure,
        ..Quirks::igd2()
    }
}

#[tokio::test]
async fn igd_next_finds_it_maps_reads_and_deletes() {
    let net = Net::new();
    for quirks in [Quirks::igd1(), Quirks::igd2()] {
        let router = net.start(quirks);
        let gateway = gateway(&router).await;
        let external = gateway.get_external_ip().await.unwrap();
        assert_eq!(external, IpAddr::from([60, 120, 76, 64]));
        let local = SocketAddr::from((net.a(), 8080));
        gateway
            .add_port(
                PortMappingProtocol::TCP,
                8080,
                local,
                30,
                "Porthole <a> & b",
            )
            .await
            .unwrap();
        let entry = gateway.get_generic_port_mapping_entry(0).await.unwrap();
        assert_eq!(entry.external_port, 8080);
        assert_eq!(entry.internal_client, net.a().to_string());
        assert_eq!(entry.port_mapping_description, "Porthole <a> & b");
        assert!(
            (1..=30).contains(&entry.lease_duration),
            "{}",
            entry.lease_duration
        );

        let other = SocketAddr::from((net.b(), 8080));
        let refused = gateway
            .add_port(PortMappingProtocol::TCP, 8080, other, 30, "b")
            .await;
        assert!(
            matches!(refused, Err(AddPortError::PortInUse)),
            "{refused:?}"
        );

        gateway
            .remove_port(PortMappingProtocol::TCP, 8080)
            .await
            .unwrap();
        let again = gateway.remove_port(PortMappingProtocol::TCP, 8080).await;
        assert!(
            matches!(again, Err(RemovePortError::NoSuchPortMapping)),
            "{again:?}"
        );
        assert_eq!(router.table(), []);
        router.stop().await;
    }
}

#[tokio::test]
async fn a_held_port_is_refused_with_718_and_its_holder_renews_it() {
    let net = Net::new();
    let router = net.start(secure());
    let (a, b) = (
        SocketAddrV4::new(net.a(), 80),
        SocketAddrV4::new(net.b(), 80),
    );
    assert_eq!(add(&router, net.a(), a, 8080, 30).await, 0);
    assert_eq!(add(&router, net.b(), b, 8080, 30).await, 718);
    assert_eq!(add(&router, net.a(), a, 8080, 60).await, 0);
    let table = router.table();
    assert_eq!(table.len(), 1);
    assert_eq!(table[0].mapping.target(), a);
    assert_eq!(table[0].mapping.description, "Porthole <one> & only");
}

#[tokio::test]
async fn secure_mode_knows_a_host_by_the_address_it_connects_from() {
    let net = Net::new();
    let router = net.start(secure());
    let a = SocketAddrV4::new(net.a(), 80);
    assert_eq!(add(&router, net.b(), a, 8080, 30).await, 718);
    assert_eq!(router.table(), []);
    assert_eq!(add(&router, net.a(), a, 8080, 30).await, 0);
    assert_eq!(delete(&router, net.b(), 8080).await, 606);
    assert_eq!(router.table().len(), 1);
    assert_eq!(delete(&router, net.a(), 8080).await, 0);
    assert_eq!(router.table(), []);
}

#[tokio::test]
async fn a_lease_that_ends_frees_the_port_for_another() {
    let net = Net::new();
    let router = net.start(secure());
    let (a, b) = (camera(net.a()).await, camera(net.b()).await);
    let mut events = router.events();
    assert_eq!(add(&router, net.a(), a, 8080, 1).await, 0);
    assert!(matches!(next(&mut events).await, Event::Added(_)));
    let Event::Expired(entry) = next(&mut events).await else {
        panic!("not expired");
    };
    assert_eq!(entry.mapping.target(), a);
    assert!(entry.lease_end.unwrap() <= Instant::now());
    let refused = TcpStream::connect(net.outside(8080)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(add(&router, net.b(), b, 8080, 30).await, 0);
    assert_eq!(router.table()[0].mapping.target(), b);
}

#[tokio::test]
async fn a_router_of_permanent_leases_refuses_a_finite_one_with_725() {
    let net = Net::new();
    let router = net.start(Quirks {
        leases: Leases::PermanentOnly,
        ..Quirks::igd2()
    });
    let gateway = gateway(&router).await;
    let local = SocketAddr::from((net.a(), 8080));
    let refused = gateway
        .add_port(PortMappingProtocol::TCP, 8080, local, 30, "a")
        .await;
    assert!(
        matches!(refused, Err(AddPortError::OnlyPermanentLeasesSupported)),
        "{refused:?}"
    );
    gateway
        .add_port(PortMappingProtocol::TCP, 8080, local, 0, "a")
        .await
        .unwrap();
    assert_eq!(router.table()[0].lease_end, None);
}

#[tokio::test]
async fn the_lease_that_was_granted_can_be_read_back() {
    let net = Net::new();
    let day = NonZeroU32::new(86_400).unwrap();
    let router = net.start(Quirks {
        leases: Leases::Capped(day),
        ..Quirks::igd2()
    });
    let a = SocketAddrV4::new(net.a(), 80);
    assert_eq!(add(&router, net.a(), a, 8080, 0).await, 0);
    let entry = call(
        &router,
        net.a(),
        "GetSpecificPortMappingEntry",
        &key("8080"),
    )
    .await;
    let lease: u32 = entry.field("NewLeaseDuration").parse().unwrap();
    assert!((86_300..=86_400).contains(&lease), "{lease}");
    assert_eq!(entry.field("NewInternalClient"), net.a().to_string());
    assert_eq!(entry.field("NewInternalPort"), "80");
    let none = call(
        &router,
        net.a(),
        "GetSpecificPortMappingEntry",
        &key("8081"),
    )
    .await;
    assert_eq!(none.code, 714);
}

#[tokio::test]
async fn the_table_reads_by_index_until_713_and_in_one_request() {
    let net = Net::new();
    let router = net.start(Quirks::igd2());
    let range = [
        ("NewStartPort", "1"),
        ("NewEndPort", "65535"),
        ("NewProtocol", "TCP"),
        ("NewManage", "1"),
        ("NewNumberOfPorts", "0"),
    ];
    assert_eq!(
        call(&router, net.a(), "GetListOfPortMappings", &range)
            .await
            .code,
        730
    );
    for port in [8080, 8081, 8082] {
        let to = SocketAddrV4::new(net.a(), port);
        assert_eq!(add(&router, net.a(), to, port, 30).await, 0);
    }
    let mut ports = vec![];
    let end = loop {
        let index = ports.len().to_string();
        let arguments = [("NewPortMappingIndex", index.as_str())];
        let answer = call(&router, net.a(), "GetGenericPortMappingEntry", &arguments).await;
        if answer.code != 0 {
            break answer.code;
        }
        ports.push(answer.field("NewExternalPort").to_owned());
    };
    assert_eq!(end, 713);
    assert_eq!(ports, ["8080", "8081", "8082"]);

    let list = call(&router, net.a(), "GetListOfPortMappings", &range).await;
    assert_eq!(list.code, 0);
    let listing = quick_xml::escape::unescape(list.field("NewPortListing")).unwrap();
    for port in ports {
        assert!(listing.contains(&format!("<p:NewExternalPort>{port}</p:NewExternalPort>")));
    }
    let description = "<p:NewDescription>Porthole &lt;one&gt; &amp; only</p:NewDescription>";
    assert_eq!(listing.matches(description).count(), 3, "{listing}");
}

#[tokio::test]
async fn a_router_without_the_list_action_says_401_and_does_not_describe_it() {
    let net = Net::new();
    let router = net.start(Quirks {
        listing: Listing::ByIndexOnly,
        ..Quirks::igd2()
    });
    assert_eq!(
        call(&router, net.a(), "GetListOfPortMappings", &[])
            .await
            .code,
        401
    );
    let described = get(&router, net.a(), "/WANIPCn.xml").await;
    assert!(described.contains("GetGenericPortMappingEntry"));
    assert!(!described.contains("GetListOfPortMappings"));
}

#[tokio::test]
async fn an_igd_1_describes_and_takes_version_1_only() {
    let net = Net::new();
    let router = net.start(Quirks::igd1());
    let described = get(&router, net.a(), "/rootDesc.xml").await;
    assert!(
        described
            .contains("<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>")
    );
    assert!(!described.contains("WANIPConnection:2"));
    assert_eq!(
        call(&router, net.a(), "GetExternalIPAddress", &[])
            .await
            .code,
        401
    );
    let service = "urn:schemas-upnp-org:service:WANIPConnection:1";
    let answer = call_service(&router, net.a(), service, "GetExternalIPAddress", &[]).await;
    assert_eq!(answer.field("NewExternalIPAddress"), "60.120.76.64");
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused_each_with_its_code() {
    let net = Net::new();
    let router = net.start(Quirks::igd2());
    let good = [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "8080"),
        ("NewProtocol", "TCP"),
        ("NewInternalPort", "80"),
        ("NewInternalClient", "127.0.0.1"),
        ("NewEnabled", "1"),
        ("NewPortMappingDescription", "x"),
        ("NewLeaseDuration", "30"),
    ];
    let long = "x".repeat(600);
    for (name, value, code) in [
        ("NewRemoteHost", "192.0.2.1", 726),
        ("NewExternalPort", "0", 716),
        ("NewExternalPort", "65536", 402),
        ("NewProtocol", "SCTP", 402),
        ("NewInternalPort", "0", 732),
        ("NewInternalClient", "camera.local", 402),
        ("NewPortMappingDescription", long.as_str(), 605),
        ("NewLeaseDuration", "-1", 402),
    ] {
        let arguments = good.map(|argument| {
            if argument.0 == name {
                (name, value)
            } else {
                argument
            }
        });
        let answer = call(&router, net.a(), "AddPortMapping", &arguments).await;
        assert_eq!(answer.code, code, "{name} = {value}");
    }
    assert_eq!(
        call(&router, net.a(), "AddPortMapping", &good[1..])
            .await
            .code,
        402
    );
    assert_eq!(
        call(&router, net.a(), "FormatHardDisk", &[]).await.code,
        401
    );
    assert_eq!(router.table(), []);
}

#[tokio::test]
async fn a_request_too_large_is_not_read() {
    let net = Net::new();
    let router = net.start(Quirks::igd2());
    let request = format!(
        "POST /ctl/IPConn HTTP/1.1\r\nHost: router\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        1 << 30
    );
    let answer = exchange(router.http_address(), net.a(), request).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_mapped_port_carries_bytes_and_the_camera_sees_the_router() {
    let net = Net::new();
    let router = net.start(secure());
    let camera = camera(net.a()).await;
    assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
    let (mut visitor, seen) = visit(net.outside(8080)).await;
    assert_eq!(seen, net.lan());
    let picture: Vec<u8> = (0..500_000_u32).map(|i| (i % 251) as u8).collect();
    let (mut read, mut write) = visitor.split();
    let carry = async {
        let mut back = vec![0; picture.len()];
        let (sent, got) = tokio::join!(write.write_all(&picture), read.read_exact(&mut back));
        sent.unwrap();
        got.unwrap();
        back
    };
    let back = timeout(PATIENCE, carry).await.expect("the bytes stopped");
    assert!(back == picture, "the bytes came back changed");
    // A visitor that is done sending still gets what the camera has to say: the end is passed on, each way.
    visitor.shutdown().await.unwrap();
    assert!(is_cut(&mut visitor).await);
}

#[tokio::test]
async fn a_visitor_to_a_camera_that_refuses_is_reset() {
    let net = Net::new();
    let router = net.start(secure());
    let gone = TcpListener::bind((net.a(), 0)).await.unwrap();
    let to = SocketAddrV4::new(net.a(), gone.local_addr().unwrap().port());
    drop(gone);
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
    let mut visitor = TcpStream::connect(net.outside(8080)).await.unwrap();
    let end = timeout(PATIENCE, visitor.read(&mut [0]))
        .await
        .expect("left hanging");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn connections_outlive_their_mapping_unless_told_otherwise() {
    for established in [Established::Keep, Established::Cut] {
        let net = Net::new();
        let router = net.start(Quirks {
            established,
            ..secure()
        });
        let camera = camera(net.a()).await;
        assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
        let (mut visitor, _) = visit(net.outside(8080)).await;
        assert_eq!(delete(&router, net.a(), 8080).await, 0);
        let refused = TcpStream::connect(net.outside(8080)).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        match established {
            Established::Keep => assert!(echoes(&mut visitor, b"still here").await),
            Established::Cut => assert!(is_cut(&mut visitor).await),
        }
        // The port can be had again at once, whatever is left of the old mapping.
        assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
        visit(net.outside(8080)).await;
    }
}

#[tokio::test]
async fn an_overwriting_router_leads_new_visitors_to_the_second_host() {
    let net = Net::new();
    let router = net.start(Quirks {
        conflict: Conflict::Overwrite,
        ..secure()
    });
    let (a, b) = (
        camera(net.a()).await,
        TcpListener::bind((net.b(), 0)).await.unwrap(),
    );
    let to_b = SocketAddrV4::new(net.b(), b.local_addr().unwrap().port());
    assert_eq!(add(&router, net.a(), a, 8080, 30).await, 0);
    let (mut early, _) = visit(net.outside(8080)).await;
    assert_eq!(add(&router, net.b(), to_b, 8080, 30).await, 0);
    let _late = TcpStream::connect(net.outside(8080)).await.unwrap();
    timeout(PATIENCE, b.accept())
        .await
        .expect("b has no visitor")
        .unwrap();
    assert!(echoes(&mut early, b"with a").await);
}

#[tokio::test]
async fn a_wan_port_that_is_taken_on_this_machine_is_refused_with_501() {
    let net = Net::new();
    let router = net.start(secure());
    let taken = TcpListener::bind((net.wan(), 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let a = SocketAddrV4::new(net.a(), 80);
    assert_eq!(add(&router, net.a(), a, port, 30).await, 501);
    assert_eq!(router.table(), []);
    drop(taken);
    assert_eq!(add(&router, net.a(), a, port, 30).await, 0);
}

#[tokio::test]
async fn a_foreign_mapping_is_in_the_way_and_is_forwarded() {
    let net = Net::new();
    let router = net.start(secure());
    let console = camera(net.b()).await;
    router.add_foreign(foreign(8080, console)).unwrap();
    let a = SocketAddrV4::new(net.a(), 80);
    assert_eq!(add(&router, net.a(), a, 8080, 30).await, 718);
    assert_eq!(router.table(), [foreign(8080, console)]);
    visit(net.outside(8080)).await;
}

#[tokio::test]
async fn a_reboot_loses_the_table_cuts_visitors_and_moves_the_web_server() {
    let net = Net::new();
    let mut router = net.start(secure());
    let camera = camera(net.a()).await;
    assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
    let (mut visitor, _) = visit(net.outside(8080)).await;
    let (ssdp, http) = (router.ssdp_address(), router.http_address());
    let mut events = router.events();

    router.reboot().await.unwrap();
    assert_eq!(next(&mut events).await, Event::Rebooted);
    assert_eq!(router.table(), []);
    assert!(is_cut(&mut visitor).await);
    assert_ne!(router.http_address(), http);
    let refused = TcpStream::connect(http).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    // A new search finds it where it is now.
    assert_eq!(router.ssdp_address(), ssdp);
    let found = gateway(&router).await;
    assert_eq!(found.addr, router.http_address().into());
    assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
    visit(net.outside(8080)).await;
}

#[tokio::test]
async fn without_the_wan_line_nothing_is_mapped_forwarded_or_said_to_be_the_address() {
    let net = Net::new();
    let router = net.start(secure());
    let camera = camera(net.a()).await;
    assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
    let (mut visitor, _) = visit(net.outside(8080)).await;

    router.set_wan(Wan::Down);
    assert!(is_cut(&mut visitor).await);
    assert_eq!(add(&router, net.a(), camera, 8081, 30).await, 501);
    let status = call(&router, net.a(), "GetStatusInfo", &[]).await;
    assert_eq!(status.field("NewConnectionStatus"), "Disconnected");
    let address = call(&router, net.a(), "GetExternalIPAddress", &[]).await;
    assert_eq!(address.field("NewExternalIPAddress"), "");
    let mut late = TcpStream::connect(net.outside(8080)).await.unwrap();
    assert!(is_cut(&mut late).await);

    router.set_wan(Wan::Up);
    let status = call(&router, net.a(), "GetStatusInfo", &[]).await;
    assert_eq!(status.field("NewConnectionStatus"), "Connected");
    assert!(status.field("NewUptime").parse::<u64>().is_ok());
    visit(net.outside(8080)).await;
}

#[tokio::test]
async fn a_stopped_router_leaves_its_ports_free_and_can_start_again_on_them() {
    let net = Net::new();
    let first = net.start(secure());
    let camera = camera(net.a()).await;
    assert_eq!(add(&first, net.a(), camera, 8080, 30).await, 0);
    let config = SimConfig {
        ssdp: first.ssdp_address(),
        http_port: first.http_address().port(),
        ..SimConfig::loopback(net.lan(), net.wan())
    };
    let busy = SimRouter::start(config.clone()).unwrap_err();
    assert!(matches!(busy, Error::Ssdp { .. }), "{busy}");
    first.stop().await;
    let second = SimRouter::start(config).unwrap();
    assert_eq!(second.table(), []);
    assert_eq!(add(&second, net.a(), camera, 8080, 30).await, 0);
    visit(net.outside(8080)).await;
}

#[tokio::test]
async fn dropping_a_router_closes_its_wan_ports_at_once() {
    let net = Net::new();
    let router = net.start(secure());
    router
        .add_foreign(foreign(8080, camera(net.b()).await))
        .unwrap();
    drop(router);
    let refused = TcpStream::connect(net.outside(8080)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn ssdp_on_an_address_that_is_not_the_routers_is_an_error_that_says_so() {
    let net = Net::new();
    let config = SimConfig {
        ssdp: SocketAddrV4::new(net.b(), 0),
        ..SimConfig::loopback(net.lan(), net.wan())
    };
    let error = SimRouter::start(config).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&net.lan().to_string()), "{text}");
    assert!(text.contains(&net.b().to_string()), "{text}");
}

//! Addresses, a control point, cameras and their clients for the tests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use igd::SearchOptions;
use igd::aio::Gateway;
use igd::aio::tokio::{Tokio, search_gateway};
use porthole_sim_router::{
    Access, Event, Mapping, Protocol, Quirks, SimRouter, SimRouterConfig, TableEntry, named,
};
use porthole_types::{ExternalPort, InternalPort};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::broadcast;
use tokio::time::timeout;

/// Far more than anything here takes, on a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The addresses of one test: its own piece of 127.0.0.0/8, so that tests, and runs of them, do not
/// meet.
pub(crate) struct Net(u8);

impl Net {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        Self(NEXT.fetch_add(4, Ordering::Relaxed))
    }

    pub(crate) fn address(&self, last: u8) -> Ipv4Addr {
        let process = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, 64 | process[2] & 63, process[3], self.0 + last)
    }

    pub(crate) fn lan(&self) -> Ipv4Addr {
        self.address(0)
    }

    pub(crate) fn wan(&self) -> Ipv4Addr {
        self.address(1)
    }

    pub(crate) fn a(&self) -> Ipv4Addr {
        self.address(2)
    }

    pub(crate) fn b(&self) -> Ipv4Addr {
        self.address(3)
    }

    pub(crate) fn start(&self, quirks: Quirks) -> SimRouter {
        let config = SimRouterConfig {
            quirks,
            ..SimRouterConfig::loopback(self.lan(), self.wan())
        };
        SimRouter::start(config).unwrap()
    }

    /// A router with the quirk of this name.
    pub(crate) fn with_quirk(&self, name: &str) -> SimRouter {
        let mut quirks = Quirks::igd2();
        (named::find(name).unwrap().set)(&mut quirks);
        self.start(quirks)
    }

    pub(crate) fn outside(&self, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(self.wan(), port)
    }
}

pub(crate) async fn gateway(router: &SimRouter) -> Gateway<Tokio> {
    gateway_from(router, Ipv4Addr::UNSPECIFIED).await
}

pub(crate) async fn gateway_from(router: &SimRouter, from: Ipv4Addr) -> Gateway<Tokio> {
    let mut options = SearchOptions::default();
    options.bind_addr = (from, 0).into();
    options.broadcast_address = router.ssdp_address().into();
    options.allowed_gateway_ips = vec![IpAddr::V4(*router.http_address().ip())];
    options.timeout = Some(PATIENCE);
    search_gateway(options).await.unwrap()
}

/// What came back from a SOAP call: 0 for OK, else the UPnP error code; and the whole body.
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> &str {
        let (_, rest) = self
            .body
            .split_once(&format!("<{name}>"))
            .unwrap_or_else(|| panic!("no {name} in {}", self.body));
        rest.split_once("</").unwrap().0
    }
}

pub(crate) async fn exchange(router: SocketAddrV4, from: Ipv4Addr, request: String) -> String {
    String::from_utf8(exchange_bytes(router, from, request).await).unwrap()
}

/// What comes back until the router closes the connection.
pub(crate) async fn exchange_bytes(
    router: SocketAddrV4,
    from: Ipv4Addr,
    request: String,
) -> Vec<u8> {
    let talk = async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from, 0))).unwrap();
        let mut stream = socket.connect(router.into()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    timeout(PATIENCE, talk).await.expect("no answer over HTTP")
}

pub(crate) async fn get(router: &SimRouter, from: Ipv4Addr, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: router\r\nConnection: close\r\n\r\n");
    exchange(router.http_address(), from, head).await
}

/// A SOAP call as it goes over the line; `header` is the spelling of its `SOAPAction`.
pub(crate) fn soap_request(
    target: &str,
    header: &str,
    service: &str,
    action: &str,
    arguments: &[(&str, &str)],
) -> String {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|(name, value)| format!("<{name}>{value}</{name}>"))
        .collect();
    let arguments = arguments.concat();
    let body = format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Body>\
         <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>"
    );
    format!(
        "POST {target} HTTP/1.1\r\nHost: router\r\nConnection: close\r\nContent-Type: \
         text/xml\r\n\
         {header}: \"{service}#{action}\"\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) async fn call_service(
    router: &SimRouter,
    from: Ipv4Addr,
    service: &str,
    action: &str,
    arguments: &[(&str, &str)],
) -> Answer {
    let request = soap_request("/ctl/IPConn", "SOAPAction", service, action, arguments);
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

pub(crate) async fn call(
    router: &SimRouter,
    from: Ipv4Addr,
    action: &str,
    arguments: &[(&str, &str)],
) -> Answer {
    let service = "urn:schemas-upnp-org:service:WANIPConnection:2";
    call_service(router, from, service, action, arguments).await
}

pub(crate) async fn add(
    router: &SimRouter,
    from: Ipv4Addr,
    to: SocketAddrV4,
    port: u16,
    lease: u32,
) -> u16 {
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

pub(crate) fn key(port: &str) -> [(&str, &str); 3] {
    [
        ("NewRemoteHost", ""),
        ("NewExternalPort", port),
        ("NewProtocol", "TCP"),
    ]
}

pub(crate) async fn delete(router: &SimRouter, from: Ipv4Addr, port: u16) -> u16 {
    let port = port.to_string();
    call(router, from, "DeletePortMapping", &key(&port))
        .await
        .code
}

pub(crate) async fn next(events: &mut broadcast::Receiver<Event>) -> Event {
    timeout(PATIENCE, events.recv())
        .await
        .expect("nothing happened")
        .unwrap()
}

/// A camera that answers each client with the address that it sees as its peer, then echoes.
pub(crate) async fn camera(address: Ipv4Addr) -> SocketAddrV4 {
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

pub(crate) async fn visit(outside: SocketAddrV4) -> (TcpStream, Ipv4Addr) {
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

pub(crate) async fn echoes(stream: &mut TcpStream, sent: &[u8]) -> bool {
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
pub(crate) async fn is_cut(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(
        timeout(PATIENCE, stream.read(&mut byte)).await,
        Ok(Ok(0) | Err(_))
    )
}

pub(crate) fn foreign(port: u16, client: SocketAddrV4) -> TableEntry {
    TableEntry {
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

pub(crate) fn secure() -> Quirks {
    Quirks {
        access: Access::Secure,
        ..Quirks::igd2()
    }
}

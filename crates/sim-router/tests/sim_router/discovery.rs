//! How routers with quirks are found, and what they say that they are.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use porthole_sim_router::{Quirks, SearchAnswers, SimRouter, SimRouterConfig, named};
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::support::{Net, PATIENCE, call, exchange, get, key, soap_request};

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";

async fn receive(socket: &UdpSocket) -> (String, SocketAddrV4) {
    let mut answer = [0; 1500];
    let received = timeout(PATIENCE, socket.recv_from(&mut answer)).await;
    let (length, from) = received.expect("no answer").unwrap();
    let std::net::SocketAddr::V4(from) = from else {
        unreachable!("bound to IPv4")
    };
    (
        String::from_utf8_lossy(&answer[..length]).into_owned(),
        from,
    )
}

async fn search(socket: &UdpSocket, router: &SimRouter, target: &str) {
    let search =
        format!("M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: {target}\r\nMX: 2\r\n\r\n");
    let to = router.ssdp_address();
    socket.send_to(search.as_bytes(), to).await.unwrap();
}

#[tokio::test]
async fn some_answer_only_one_kind_of_search() {
    let gateway = "urn:schemas-upnp-org:device:InternetGatewayDevice:2";
    for (name, deaf_to, hears) in [
        ("ssdp-root-device-only", "ssdp:all", "upnp:rootdevice"),
        ("ssdp-all-only", "upnp:rootdevice", "ssdp:all"),
    ] {
        let net = Net::new();
        let router = net.with_quirk(name);
        let socket = UdpSocket::bind((net.a(), 0)).await.unwrap();
        // Searches are answered in their order, so what comes first is the answer to the last.
        search(&socket, &router, gateway).await;
        search(&socket, &router, deaf_to).await;
        let other = UdpSocket::bind((net.a(), 0)).await.unwrap();
        search(&other, &router, hears).await;
        receive(&other).await;
        let nothing = socket.try_recv(&mut [0; 1500]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock, "{name}");
    }
}

#[tokio::test]
async fn a_router_that_only_announces_itself_is_heard_in_the_group() {
    let net = Net::new();
    let group = Ipv4Addr::new(239, 255, 255, 250);
    let ears = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    // The router shares the port.
    ears.set_reuse_address(true).unwrap();
    ears.set_nonblocking(true).unwrap();
    ears.bind(&SocketAddrV4::new(group, 0).into()).unwrap();
    ears.join_multicast_v4(&group, &net.lan()).unwrap();
    let ears = UdpSocket::from_std(ears.into()).unwrap();
    let address = SocketAddrV4::new(group, ears.local_addr().unwrap().port());

    let router = SimRouter::start(SimRouterConfig {
        ssdp: address,
        quirks: Quirks {
            search_answers: SearchAnswers::NotifyOnly,
            ..Quirks::igd2()
        },
        ..SimRouterConfig::loopback(net.lan(), net.wan())
    })
    .unwrap();
    let (heard, _) = receive(&ears).await;
    assert!(heard.starts_with("NOTIFY * HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("\r\nNTS: ssdp:alive\r\n"), "{heard}");
    let location = format!("LOCATION: http://{}/rootDesc.xml", router.http_address());
    assert!(heard.contains(&location), "{heard}");
    assert!(heard.ends_with("\r\n\r\n"));
}

#[tokio::test]
async fn a_late_answer_comes_after_its_time_and_not_before() {
    for (name, seconds) in [("ssdp-late", 5), ("ssdp-very-late", 10)] {
        let mut quirks = Quirks::igd2();
        (named::find(name).unwrap().set)(&mut quirks);
        assert_eq!(quirks.search_delay, Duration::from_secs(seconds));
    }
    let delay = Duration::from_millis(300);
    let net = Net::new();
    let router = net.start(Quirks {
        search_delay: delay,
        ..Quirks::igd2()
    });
    let socket = UdpSocket::bind((net.a(), 0)).await.unwrap();
    let asked = Instant::now();
    search(&socket, &router, "upnp:rootdevice").await;
    let (answer, _) = receive(&socket).await;
    assert!(asked.elapsed() >= delay);
    assert!(answer.contains("LOCATION: "), "{answer}");
}

#[tokio::test]
async fn one_of_a_pair_answers_and_location_is_the_shared_address() {
    let net = Net::new();
    let router = net.with_quirk("ssdp-from-neighbour");
    let socket = UdpSocket::bind((net.a(), 0)).await.unwrap();
    search(&socket, &router, "upnp:rootdevice").await;
    let (answer, from) = receive(&socket).await;
    assert_eq!(*from.ip(), net.address(1));
    let location = format!("LOCATION: http://{}/rootDesc.xml", router.http_address());
    assert!(answer.contains(&location), "{answer}");
    assert_eq!(*router.http_address().ip(), net.lan());
}

#[tokio::test]
async fn a_relative_control_url_with_a_query_leads_to_the_service() {
    let net = Net::new();
    let router = net.with_quirk("control-url-relative");
    let described = get(&router, net.a(), "/rootDesc.xml").await;
    let base = format!("<URLBase>http://{}/igd/</URLBase>", router.http_address());
    assert!(described.contains(&base), "{described}");
    let url = "<controlURL>ctl?service=IPConn&amp;x=1</controlURL>";
    assert!(described.contains(url), "{described}");
    for (target, found) in [
        ("/igd/ctl?service=IPConn&x=1", true),
        ("/igd/ctl", false),
        ("/ctl/IPConn", false),
    ] {
        let request = soap_request(target, "SOAPAction", SERVICE, "GetStatusInfo", &[]);
        let answer = exchange(router.http_address(), net.a(), request).await;
        assert_eq!(answer.contains("NewUptime"), found, "{answer}");
        assert_eq!(answer.starts_with("HTTP/1.1 404"), !found, "{answer}");
    }
}

#[tokio::test]
async fn a_mark_and_a_blank_come_before_the_description() {
    let net = Net::new();
    let router = net.with_quirk("description-lead");
    let described = get(&router, net.a(), "/rootDesc.xml").await;
    let (_, body) = described.split_once("\r\n\r\n").unwrap();
    assert!(body.starts_with("\u{feff}\r\n <?xml "), "{body}");
}

#[tokio::test]
async fn of_several_services_one_is_connected_and_maps() {
    let net = Net::new();
    let router = net.with_quirk("services-several");
    let described = get(&router, net.a(), "/rootDesc.xml").await;
    for (service, target, connected) in [
        ("WANIPConnection:1", "/ctl/IPConn", false),
        ("WANIPConnection:2", "/ctl/IPConn2", false),
        ("WANPPPConnection:1", "/ctl/PPPConn", true),
    ] {
        let service = format!("urn:schemas-upnp-org:service:{service}");
        assert!(described.contains(&format!("<serviceType>{service}</serviceType>")));
        assert!(described.contains(&format!("<controlURL>{target}</controlURL>")));
        let ask = async |action: &str, arguments: &[(&str, &str)]| {
            let request = soap_request(target, "SOAPAction", &service, action, arguments);
            exchange(router.http_address(), net.a(), request).await
        };
        let status = ask("GetStatusInfo", &[]).await;
        assert_eq!(status.contains(">Connected<"), connected, "{status}");
        let address = ask("GetExternalIPAddress", &[]).await;
        assert_eq!(address.contains("60.120.76.64"), connected, "{address}");
        let read = ask("GetSpecificPortMappingEntry", &key("8080")).await;
        let code = if connected { "714" } else { "501" };
        assert!(read.contains(&format!("<errorCode>{code}<")), "{read}");
    }
    let socket = UdpSocket::bind((net.a(), 0)).await.unwrap();
    let ppp = "urn:schemas-upnp-org:service:WANPPPConnection:1";
    search(&socket, &router, ppp).await;
    let (answer, _) = receive(&socket).await;
    assert!(answer.contains(ppp), "{answer}");
}

#[tokio::test]
async fn an_action_that_is_missing_is_not_described_either() {
    let net = Net::new();
    let router = net.with_quirk("no-specific");
    let action = "GetSpecificPortMappingEntry";
    assert_eq!(call(&router, net.a(), action, &key("8080")).await.code, 401);
    let described = get(&router, net.a(), "/WANIPCn.xml").await;
    assert!(described.contains("GetGenericPortMappingEntry"));
    assert!(!described.contains(action));
}

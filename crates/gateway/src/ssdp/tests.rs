//! The search, against responders on loopback.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::SockRef;
use tokio::net::UdpSocket;

use super::answers::MAX_ANSWERS_EACH;
use super::*;
use crate::fake_http::{FakeHttpServer, Reply};

const FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);

fn observer() -> Arc<dyn Observer> {
    Arc::new(())
}

fn description(services: &[(&str, &str)]) -> String {
    use std::fmt::Write as _;

    let mut text = "<root><device><friendlyName>box</friendlyName><serviceList>".to_owned();
    for (service, control) in services {
        write!(
            text,
            "<service><serviceType>urn:schemas-upnp-org:service:{service}</serviceType>\
             <controlURL>{control}</controlURL></service>"
        )
        .unwrap();
    }
    text + "</serviceList></device></root>"
}

/// A device on an address of its own that serves this description, and a state of its connection
/// per control path.
async fn device(
    ip: Ipv4Addr,
    services: &'static [(&'static str, &'static str)],
    up: &'static str,
) -> FakeHttpServer {
    FakeHttpServer::serve(ip, move |request| {
        if request.action == "GetStatusInfo" {
            // The service that the body names is the one that was asked.
            let state = if request.body.contains(up) {
                "Connected"
            } else {
                "Disconnected"
            };
            let field = format!("<NewConnectionStatus>{state}</NewConnectionStatus>");
            return Reply::soap("GetStatusInfo", &field);
        }
        Reply::Http(200, description(services).into_bytes())
    })
    .await
}

/// Answers searches with these locations, until dropped.
struct Responder {
    address: SocketAddrV4,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn responder(ip: Ipv4Addr, locations: Vec<String>) -> Responder {
    picky_responder(ip, "", Duration::ZERO, locations).await
}

/// Answers only searches for what has `target` in it, and so much later.
async fn picky_responder(
    ip: Ipv4Addr,
    target: &'static str,
    delay: Duration,
    locations: Vec<String>,
) -> Responder {
    let socket = Arc::new(UdpSocket::bind((ip, 0)).await.unwrap());
    let SocketAddr::V4(address) = socket.local_addr().unwrap() else {
        panic!("bound to IPv4");
    };
    let task = tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            assert!(buffer[..length].starts_with(b"M-SEARCH * HTTP/1.1\r\n"));
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if !text.split("\r\nST: ").nth(1).unwrap().contains(target) {
                continue;
            }
            let (socket, locations) = (Arc::clone(&socket), locations.clone());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                for location in &locations {
                    let text = format!("HTTP/1.1 200 OK\r\nST: x\r\nLOCATION:{location}\r\n\r\n");
                    let _ = socket.send_to(text.as_bytes(), from).await;
                }
            });
        }
    });
    Responder { address, task }
}

fn search(ssdp: SocketAddrV4, wait: Duration) -> Search {
    Search {
        from: FROM,
        ssdp,
        default_gateway: None,
        wait,
    }
}

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test(start_paused = true)]
async fn a_router_on_loopback_is_found_by_unicast_from_a_loopback_address() {
    let ip = Ipv4Addr::new(127, 0, 0, 6);
    let device = device(ip, &[("WANIPConnection:2", "/ctl")], "").await;
    let ssdp = responder(ip, vec![format!("http://{}/desc.xml", device.address)]).await;
    let found = discover(&search(ssdp.address, LONG), &observer())
        .await
        .unwrap();
    assert_eq!(found.identity.address, ip);
    assert_eq!(found.identity.name, "box");
    assert_eq!(found.identity.service, ServiceType::WanIp(2));
    assert_eq!(found.identity.route, Route::Other);
    assert_eq!(
        found.control.as_str(),
        format!("http://{}/ctl", device.address)
    );
}

#[tokio::test(start_paused = true)]
async fn a_location_on_another_address_is_not_followed() {
    let elsewhere = device(
        Ipv4Addr::new(127, 0, 0, 8),
        &[("WANIPConnection:1", "/ctl")],
        "",
    )
    .await;
    let location = format!("http://{}/desc.xml", elsewhere.address);
    let ssdp = responder(Ipv4Addr::new(127, 0, 0, 7), vec![location]).await;
    let error = discover(&search(ssdp.address, SHORT), &observer())
        .await
        .unwrap_err();
    assert_eq!(error, Error::NotFound { from: FROM });
    assert_eq!(elsewhere.actions(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn of_several_services_the_connected_one_is_taken() {
    let ip = Ipv4Addr::new(127, 0, 0, 9);
    let services = &[("WANIPConnection:1", "/ip"), ("WANPPPConnection:1", "/ppp")];
    let device = device(ip, services, "WANPPPConnection").await;
    let ssdp = responder(ip, vec![format!("http://{}/desc.xml", device.address)]).await;
    let found = discover(&search(ssdp.address, LONG), &observer())
        .await
        .unwrap();
    assert_eq!(found.identity.service, ServiceType::WanPpp(1));
}

#[tokio::test(start_paused = true)]
async fn a_description_that_is_none_is_told_when_there_is_no_better_one() {
    let ip = Ipv4Addr::new(127, 0, 0, 10);
    let server = FakeHttpServer::serve(ip, |_| Reply::Http(200, b"<root/>".to_vec())).await;
    let ssdp = responder(ip, vec![format!("http://{}/desc.xml", server.address)]).await;
    let error = discover(&search(ssdp.address, SHORT), &observer())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Unreadable {
                action: Action::Describe,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_description_beyond_the_limit_is_not_read_on() {
    let ip = Ipv4Addr::new(127, 0, 0, 11);
    let server = FakeHttpServer::serve(ip, |_| Reply::Http(200, vec![b' '; 100 * 1024])).await;
    let location = format!("http://{}/", server.address).parse().unwrap();
    let error = device::describe(&location).await.unwrap_err();
    assert_eq!(error.code(), "too_large");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_answers_with_many_locations_has_only_a_few_looked_at() {
    let ip = Ipv4Addr::new(127, 0, 0, 12);
    let server = FakeHttpServer::serve(ip, |_| Reply::Http(404, Vec::new())).await;
    let locations = (0..50)
        .map(|n| format!("http://{}/{n}", server.address))
        .collect();
    let ssdp = responder(ip, locations).await;
    discover(&search(ssdp.address, SHORT), &observer())
        .await
        .unwrap_err();
    assert_eq!(server.actions().len(), MAX_ANSWERS_EACH);
}

#[tokio::test(start_paused = true)]
async fn silence_is_not_found() {
    let ssdp = responder(Ipv4Addr::new(127, 0, 0, 13), vec![]).await;
    let error = discover(&search(ssdp.address, SHORT), &observer())
        .await
        .unwrap_err();
    assert_eq!(error, Error::NotFound { from: FROM });
    assert!(error.to_string().contains("is UPnP switched on"));
}

fn location(device: &FakeHttpServer) -> String {
    format!("http://{}/desc.xml", device.address)
}

const SERVICES: &[(&str, &str)] = &[("WANIPConnection:1", "/ctl")];

#[tokio::test(start_paused = true)]
async fn a_router_that_answers_ten_seconds_late_is_found_between_two_searches() {
    let ip = Ipv4Addr::new(127, 0, 0, 15);
    let device = device(ip, SERVICES, "").await;
    let late = Duration::from_secs(10);
    let ssdp = picky_responder(ip, "", late, vec![location(&device)]).await;
    let search = search(ssdp.address, Duration::from_secs(3));
    let mut finder = Finder::new(search, observer());
    assert_eq!(
        finder.search().await.unwrap_err(),
        Error::NotFound { from: FROM }
    );
    let found = finder.overhear(Duration::from_mins(5)).await.unwrap();
    assert_eq!(found.identity.address, ip);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_one_search_counts_for_the_next() {
    let ip = Ipv4Addr::new(127, 0, 0, 16);
    let device = device(ip, SERVICES, "").await;
    // Later than the first search and the wait after it.
    let late = Duration::from_millis(5_500);
    let ssdp = picky_responder(ip, "", late, vec![location(&device)]).await;
    let search = search(ssdp.address, Duration::from_secs(3));
    let mut finder = Finder::new(search, observer());
    finder.search().await.unwrap_err();
    assert_eq!(finder.overhear(Duration::from_secs(2)).await, None);
    assert_eq!(finder.search().await.unwrap().identity.address, ip);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_answers_at_once_is_found_at_once_whoever_else_says_nothing() {
    let ip = Ipv4Addr::new(127, 0, 0, 17);
    let device = device(ip, SERVICES, "").await;
    let silent = FakeHttpServer::serve(ip, |_| Reply::Silence).await;
    let ssdp = responder(ip, vec![location(&silent), location(&device)]).await;
    let began = Instant::now();
    let found = discover(&search(ssdp.address, LONG), &observer()).await;
    assert!(found.is_ok());
    let took = began.elapsed(); // tokio's time, which stands still while anything can be done
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_router_that_answers_to_everybody_or_to_roots_only_is_found() {
    for target in ["ssdp:all", "upnp:rootdevice"] {
        let ip = Ipv4Addr::new(127, 0, 0, 18);
        let device = device(ip, SERVICES, "").await;
        let ssdp = picky_responder(ip, target, Duration::ZERO, vec![location(&device)]).await;
        let found = discover(&search(ssdp.address, LONG), &observer()).await;
        assert_eq!(found.unwrap().identity.address, ip, "{target}");
    }
}

#[tokio::test(start_paused = true)]
async fn everybody_is_asked_only_where_the_usual_searches_come_to_nothing() {
    let ip = Ipv4Addr::new(127, 0, 0, 19);
    let socket = UdpSocket::bind((ip, 0)).await.unwrap();
    let SocketAddr::V4(address) = socket.local_addr().unwrap() else {
        panic!("bound to IPv4");
    };
    let device = device(ip, SERVICES, "").await;
    let answering = async {
        let mut targets = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            let received = timeout_at(Instant::now() + LONG, socket.recv_from(&mut buffer)).await;
            let Ok(Ok((length, from))) = received else {
                break targets;
            };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            // As slow as MX allows.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let answer = format!("HTTP/1.1 200 OK\r\nLOCATION: {}\r\n\r\n", location(&device));
            let _ = socket.send_to(answer.as_bytes(), from).await;
            targets.push(text.split("\r\nST: ").nth(1).unwrap().trim().to_owned());
        }
    };
    let search = search(address, LONG);
    let observer = observer();
    let (targets, found) = tokio::join!(answering, discover(&search, &observer));
    assert!(found.is_ok());
    assert!(
        targets.iter().all(|target| target.starts_with("urn:")),
        "{targets:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_neighbour_may_tell_of_the_default_gateway_and_of_nobody_else() {
    let gateway = Ipv4Addr::new(127, 0, 0, 20);
    let device = device(gateway, SERVICES, "").await;
    let ssdp = responder(Ipv4Addr::new(127, 0, 0, 21), vec![location(&device)]).await;
    let mut search = search(ssdp.address, SHORT);
    search.default_gateway = Some(Ipv4Addr::new(127, 0, 0, 22));
    discover(&search, &observer()).await.unwrap_err();
    assert_eq!(device.actions(), Vec::<String>::new());
    search.default_gateway = Some(gateway);
    let found = discover(&search, &observer()).await.unwrap();
    assert_eq!(found.identity.address, gateway);
    assert_eq!(found.identity.route, Route::Default);
}

/// Sends this to the group on loopback.
async fn announce(group: SocketAddrV4, from: Ipv4Addr, text: &str) {
    let socket = UdpSocket::bind((from, 0)).await.unwrap();
    SockRef::from(&socket).set_multicast_if_v4(&from).unwrap();
    socket.send_to(text.as_bytes(), group).await.unwrap();
}

/// A group on a port that nobody else has: tests run side by side.
async fn group() -> SocketAddrV4 {
    let free = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    SocketAddrV4::new(
        Ipv4Addr::new(239, 255, 255, 250),
        free.local_addr().unwrap().port(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_router_that_announces_itself_is_found_before_the_next_search() {
    let ip = Ipv4Addr::new(127, 0, 0, 23);
    let device = device(ip, SERVICES, "").await;
    let group = group().await;
    let mut finder = Finder::new(search(group, SHORT), observer());
    finder.search().await.unwrap_err();
    let notify = |nts: &str, nt: &str, location: &str| {
        format!("NOTIFY * HTTP/1.1\r\nNT: {nt}\r\nNTS: {nts}\r\nLOCATION: {location}\r\n\r\n")
    };
    let gateway = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
    let there = location(&device);
    for (from, text) in [
        (ip, notify("ssdp:byebye", gateway, &there)),
        (
            ip,
            notify("ssdp:alive", "urn:x:device:MediaServer:1", &there),
        ),
        // Nobody may send us elsewhere.
        (
            Ipv4Addr::new(127, 0, 0, 24),
            notify("ssdp:alive", gateway, &there),
        ),
    ] {
        announce(group, from, &text).await;
    }
    assert_eq!(finder.overhear(SHORT).await, None);
    assert_eq!(device.actions(), Vec::<String>::new());
    for kind in [gateway, "upnp:rootdevice"] {
        let mut finder = Finder::new(search(group, SHORT), observer());
        finder.search().await.unwrap_err();
        announce(group, ip, &notify("ssdp:alive", kind, &there)).await;
        let found = finder.overhear(Duration::from_mins(5)).await.unwrap();
        assert_eq!(found.identity.address, ip, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_taken_only_means_that_nobody_is_overheard() {
    let group = group().await;
    let taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, group.port()))
        .await
        .unwrap();
    let mut finder = Finder::new(search(group, SHORT), observer());
    assert_eq!(
        finder.search().await.unwrap_err(),
        Error::NotFound { from: FROM }
    );
    assert!(finder.announcements.is_none());
    assert_eq!(finder.overhear(SHORT).await, None);
    drop(taken);
    finder.search().await.unwrap_err();
    assert!(finder.announcements.is_some());
}

#[test]
fn the_default_gateway_comes_before_a_connected_one_and_that_before_a_newer_one() {
    let identity = |route, service| Identity {
        name: String::new(),
        address: FROM,
        service,
        route,
    };
    let ranks = [
        rank(
            &identity(Route::Default, ServiceType::WanIp(1)),
            Connection::Down,
        ),
        rank(
            &identity(Route::Other, ServiceType::WanPpp(1)),
            Connection::Up,
        ),
        rank(
            &identity(Route::Other, ServiceType::WanIp(2)),
            Connection::Unknown,
        ),
        rank(
            &identity(Route::Other, ServiceType::WanIp(1)),
            Connection::Unknown,
        ),
    ];
    assert!(ranks.is_sorted(), "{ranks:?}");
}

//! The search, against responders on loopback.

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

/// Answers each datagram that arrives with these datagrams, until dropped.
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
    let socket = UdpSocket::bind((ip, 0)).await.unwrap();
    let SocketAddr::V4(address) = socket.local_addr().unwrap() else {
        panic!("bound to IPv4");
    };
    let task = tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            assert!(buffer[..length].starts_with(b"M-SEARCH * HTTP/1.1\r\n"));
            for location in &locations {
                let text = format!("HTTP/1.1 200 OK\r\nST: x\r\nLOCATION:{location}\r\n\r\n");
                let _ = socket.send_to(text.as_bytes(), from).await;
            }
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

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
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

#[tokio::test]
async fn a_description_beyond_the_limit_is_not_read_on() {
    let ip = Ipv4Addr::new(127, 0, 0, 11);
    let server = FakeHttpServer::serve(ip, |_| Reply::Http(200, vec![b' '; 100 * 1024])).await;
    let location = format!("http://{}/", server.address).parse().unwrap();
    let error = device::describe(&location).await.unwrap_err();
    assert_eq!(error.code(), "too_large");
}

#[tokio::test]
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

#[tokio::test]
async fn silence_is_not_found() {
    let ssdp = responder(Ipv4Addr::new(127, 0, 0, 13), vec![]).await;
    let error = discover(&search(ssdp.address, SHORT), &observer())
        .await
        .unwrap_err();
    assert_eq!(error, Error::NotFound { from: FROM });
    assert!(error.to_string().contains("is UPnP switched on"));
}

#[test]
fn an_answer_is_read_whatever_its_case_and_spacing() {
    let from = "192.168.77.1:1900".parse().unwrap();
    let read = |text: &str| answer(text.as_bytes(), from).map(|answer| answer.location.to_string());
    assert_eq!(
        read(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=120\r\nlocation : \
             http://192.168.77.1:5000/r.xml \r\n\r\n"
        ),
        Some("http://192.168.77.1:5000/r.xml".to_owned())
    );
    for bad in [
        "",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 500 No\r\nLOCATION: http://192.168.77.1/\r\n\r\n",
        "NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.77.1/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.77.2/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: http://127.0.0.1/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: https://192.168.77.1/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.77.1:0/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: http://a@192.168.77.1/\r\n\r\n",
        "HTTP/1.1 200 OK\r\nLOCATION: http://router/\r\n\r\n",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
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

proptest::proptest! {
    #[test]
    fn no_datagram_makes_the_search_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
    ) {
        let from = "192.168.77.1:1900".parse().unwrap();
        let mut text = b"HTTP/1.1 200 OK\r\nLOCATION: http://192.168.77.1".to_vec();
        text.extend(&bytes);
        if let Some(answer) = answer(&text, from) {
            proptest::prop_assert_eq!(answer.location.host_str(), Some("192.168.77.1"));
        }
        let _ = answer(&bytes, from);
    }
}

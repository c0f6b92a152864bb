//! What routers with quirks answer, over the line.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use porthole_sim_router::{Event, ExternalChange, FirstLine, Quirks, SimRouter, Wan, named};
use porthole_types::ExternalPort;
use tokio::net::TcpStream;

use super::support::{
    Net, add, call, camera, delete, exchange, exchange_bytes, get, key, next, soap_request, visit,
};

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:2";
const SPECIFIC: &str = "GetSpecificPortMappingEntry";

/// A call as it stands on the line, to the usual control URL.
fn request(action: &str, arguments: &[(&str, &str)]) -> String {
    soap_request("/ctl/IPConn", "SOAPAction", SERVICE, action, arguments)
}

/// `GetGenericPortMappingEntry`: the answer's code, and the external port.
async fn row(router: &SimRouter, net: &Net, index: usize) -> Result<String, u16> {
    let index = index.to_string();
    let arguments = [("NewPortMappingIndex", index.as_str())];
    let answer = call(router, net.a(), "GetGenericPortMappingEntry", &arguments).await;
    match answer.code {
        0 => Ok(answer.field("NewExternalPort").to_owned()),
        code => Err(code),
    }
}

#[tokio::test]
async fn a_header_is_understood_only_as_it_is_spelt_in_the_standard() {
    let net = Net::new();
    let router = net.with_quirk("soap-header-spelling");
    for (header, understood) in [
        ("SOAPAction", true),
        ("SOAPACTION", true),
        ("soapaction", false),
        ("SoapAction", false),
    ] {
        let request = soap_request("/ctl/IPConn", header, SERVICE, "GetStatusInfo", &[]);
        let answer = exchange(router.http_address(), net.a(), request).await;
        let status = if understood { "200" } else { "501" };
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert_eq!(answer.contains("<html>"), !understood, "{answer}");
    }
}

#[tokio::test]
async fn a_slow_router_does_at_once_what_it_answers_late() {
    let mut slow = Quirks::igd2();
    (named::find("soap-slow").unwrap().set)(&mut slow);
    assert_eq!(slow.soap_delay, Duration::from_secs(6));

    let delay = Duration::from_millis(300);
    let net = Net::new();
    let router = net.start(Quirks {
        soap_delay: delay,
        ..Quirks::igd2()
    });
    let mut events = router.events();
    let asked = Instant::now();
    let to = SocketAddrV4::new(net.a(), 80);
    let (code, done) = tokio::join!(add(&router, net.a(), to, 8080, 30), async {
        let event = next(&mut events).await;
        (event, Instant::now())
    });
    let answered = Instant::now();
    assert_eq!(code, 0);
    assert!(matches!(done.0, Event::Added(_)));
    assert!(answered - asked >= delay);
    assert!(done.1 < answered);
}

#[tokio::test]
async fn a_refusal_can_come_with_status_200() {
    let net = Net::new();
    let router = net.with_quirk("fault-status-200");
    let request = request(SPECIFIC, &key("8080"));
    let answer = exchange(router.http_address(), net.a(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("<errorCode>714</errorCode>"), "{answer}");
}

#[tokio::test]
async fn a_body_can_end_with_the_connection() {
    let net = Net::new();
    let router = net.with_quirk("body-end-close");
    // The client would go on, so only the router can be who ends it.
    let lasting = |request: String| request.replace("Connection: close\r\n", "");
    let get = "GET /rootDesc.xml HTTP/1.1\r\nHost: router\r\n\r\n".to_owned();
    for request in [get, lasting(request("GetStatusInfo", &[]))] {
        let answer = exchange(router.http_address(), net.a(), request).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            !answer.to_lowercase().contains("content-length"),
            "{answer}"
        );
        assert!(answer.trim_end().ends_with('>'), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_can_be_no_utf_8() {
    let net = Net::new();
    let router = net.with_quirk("encoding-latin1");
    for action in ["GetStatusInfo", "FormatHardDisk"] {
        let request = request(action, &[]);
        let answer = exchange_bytes(router.http_address(), net.a(), request).await;
        assert!(std::str::from_utf8(&answer).is_err(), "{action}");
        let text = String::from_utf8_lossy(&answer);
        let known = text.contains("NewUptime") || text.contains("<errorCode>401");
        assert!(known, "{text}");
    }
}

#[tokio::test]
async fn the_external_address_is_what_the_router_likes() {
    let net = Net::new();
    for (name, text) in [
        ("external-null", "(null)"),
        ("external-empty", ""),
        ("external-zero", "0.0.0.0"),
        ("external-private", "192.168.178.20"),
        ("external-shared", "100.64.13.7"),
    ] {
        let router = net.with_quirk(name);
        let answer = call(&router, net.a(), "GetExternalIPAddress", &[]).await;
        assert_eq!(answer.field("NewExternalIPAddress"), text, "{name}");
        router.stop().await;
    }
    let router = net.with_quirk("external-501");
    let answer = call(&router, net.a(), "GetExternalIPAddress", &[]).await;
    assert_eq!(answer.code, 501);
}

#[tokio::test]
async fn the_external_address_changes_by_itself() {
    let mut quirks = Quirks::igd2();
    (named::find("external-changes").unwrap().set)(&mut quirks);
    let minute = ExternalChange::Every(Duration::from_mins(1));
    assert_eq!(quirks.external_change, minute);

    let net = Net::new();
    let router = net.start(Quirks {
        external_change: ExternalChange::Every(Duration::from_millis(20)),
        ..Quirks::igd2()
    });
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 3 {
        let answer = call(&router, net.a(), "GetExternalIPAddress", &[]).await;
        let address: Ipv4Addr = answer.field("NewExternalIPAddress").parse().unwrap();
        seen.insert(address);
    }
}

#[tokio::test]
async fn new_mappings_wait_for_the_line() {
    let net = Net::new();
    let to = camera(net.a()).await;
    let router = net.with_quirk("first-line-down");
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 501);
    let status = call(&router, net.a(), "GetStatusInfo", &[]).await;
    assert_eq!(status.field("NewConnectionStatus"), "Disconnected");
    router.stop().await;

    let router = net.start(Quirks {
        first_line: FirstLine::DownFor(Duration::from_millis(1)),
        ..Quirks::igd2()
    });
    let mut events = router.events();
    assert_eq!(next(&mut events).await, Event::Wan(Wan::Up));
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
    visit(net.outside(8080)).await;
}

#[tokio::test]
async fn after_a_reboot_the_old_control_url_can_be_a_page_that_says_404() {
    let net = Net::new();
    let mut router = net.with_quirk("after-reboot-404");
    let to = SocketAddrV4::new(net.a(), 80);
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
    let before = router.http_address();
    router.reboot().await.unwrap();
    assert_eq!(router.http_address(), before);
    assert_eq!(router.table(), []);
    let status = request("GetStatusInfo", &[]);
    let answer = exchange(before, net.a(), status).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("<html>"), "{answer}");

    let described = get(&router, net.a(), "/rootDesc.xml").await;
    assert!(described.contains("<controlURL>/1/ctl/IPConn</controlURL>"));
    let status = soap_request("/1/ctl/IPConn", "SOAPAction", SERVICE, "GetStatusInfo", &[]);
    let answer = exchange(before, net.a(), status).await;
    assert!(answer.contains("NewUptime"), "{answer}");
}

#[tokio::test]
async fn after_a_reboot_the_mappings_can_be_there_without_an_end() {
    let net = Net::new();
    let mut router = net.with_quirk("after-reboot-permanent");
    let to = camera(net.a()).await;
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
    router.reboot().await.unwrap();
    let table = router.table();
    assert_eq!(table.len(), 1);
    assert_eq!(table[0].lease_end, None);
    let read = call(&router, net.a(), SPECIFIC, &key("8080")).await;
    assert_eq!(read.field("NewLeaseDuration"), "0");
    visit(net.outside(8080)).await;
}

#[tokio::test]
async fn the_table_reads_as_the_router_likes() {
    let net = Net::new();
    for (name, specific, first, past) in [
        ("lists-nothing", 714, Err(713), Err(713)),
        ("shown-list-only", 714, Ok("8080"), Err(713)),
        ("shown-specific-only", 0, Err(713), Err(713)),
        ("no-specific", 401, Ok("8080"), Err(713)),
        ("newest-first", 0, Ok("8081"), Err(713)),
        ("list-end-402", 0, Ok("8080"), Err(402)),
        ("list-end-501", 0, Ok("8080"), Err(501)),
        ("list-end-714", 0, Ok("8080"), Err(714)),
        ("list-end-repeats", 0, Ok("8080"), Ok("8081")),
    ] {
        let router = net.with_quirk(name);
        for port in [8080, 8081] {
            let to = SocketAddrV4::new(net.a(), port);
            assert_eq!(add(&router, net.a(), to, port, 30).await, 0);
        }
        assert_eq!(router.table().len(), 2, "{name}");
        let read = call(&router, net.a(), SPECIFIC, &key("8080")).await;
        assert_eq!(read.code, specific, "{name}");
        let owned = |row: Result<&str, u16>| row.map(str::to_owned);
        assert_eq!(row(&router, &net, 0).await, owned(first), "{name}");
        assert_eq!(row(&router, &net, 2).await, owned(past), "{name}");
        router.stop().await;
    }
}

#[tokio::test]
async fn a_client_is_shown_by_what_the_router_knows_of_it() {
    let net = Net::new();
    let [a, b, c, d] = net.a().octets();
    for (name, text) in [
        ("client-host-name", format!("cam-{d}")),
        (
            "client-mac",
            format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}"),
        ),
        ("client-empty", String::new()),
    ] {
        let router = net.with_quirk(name);
        let to = SocketAddrV4::new(net.a(), 80);
        assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
        let read = call(&router, net.a(), SPECIFIC, &key("8080")).await;
        assert_eq!(read.field("NewInternalClient"), text, "{name}");
        assert_eq!(router.table()[0].mapping.target(), to);
        router.stop().await;
    }
}

#[tokio::test]
async fn odd_entries_lack_what_they_should_have() {
    let net = Net::new();
    let router = net.with_quirk("entry-form-sloppy");
    let to = SocketAddrV4::new(net.a(), 80);
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
    let first = [("NewPortMappingIndex", "0")];
    let entry = call(&router, net.a(), "GetGenericPortMappingEntry", &first).await;
    assert_eq!(entry.field("NewProtocol"), "tcp");
    assert_eq!(entry.field("NewEnabled"), "true");
    for missing in ["NewRemoteHost", "NewLeaseDuration"] {
        assert!(!entry.body.contains(missing), "{}", entry.body);
    }
    router.stop().await;

    let router = net.with_quirk("residents-odd");
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
    let entry = call(&router, net.a(), "GetGenericPortMappingEntry", &first).await;
    assert_eq!(entry.field("NewPortMappingDescription").len(), 300);
    assert_eq!(entry.field("NewProtocol"), "tcp");
    assert_eq!(row(&router, &net, 1).await, Ok("3074".to_owned()));
    let third = [("NewPortMappingIndex", "2")];
    let own = call(&router, net.a(), "GetGenericPortMappingEntry", &third).await;
    assert_eq!(own.field("NewProtocol"), "TCP");
    assert_eq!(own.field("NewExternalPort"), "8080");
}

#[tokio::test]
async fn requests_and_mappings_really_added_are_counted_across_reboots() {
    let net = Net::new();
    let mut router = net.start(Quirks::igd2());
    let port = |number| ExternalPort::new(number).unwrap();
    let (a, b) = (
        SocketAddrV4::new(net.a(), 80),
        SocketAddrV4::new(net.b(), 80),
    );
    assert_eq!(router.requests(), 0);
    assert_eq!(add(&router, net.a(), a, 8080, 30).await, 0);
    assert_eq!(add(&router, net.a(), a, 8080, 30).await, 0);
    assert_eq!(add(&router, net.b(), b, 8080, 30).await, 718);
    assert_eq!((router.requests(), router.times_added(port(8080))), (3, 1));
    assert_eq!(delete(&router, net.a(), 8080).await, 0);
    router.reboot().await.unwrap();
    assert_eq!(add(&router, net.b(), b, 8080, 30).await, 0);
    assert_eq!((router.requests(), router.times_added(port(8080))), (5, 2));
    assert_eq!(router.times_added(port(8081)), 0);
}

#[tokio::test]
async fn a_mapping_that_is_not_enabled_leads_nowhere() {
    let net = Net::new();
    let router = net.with_quirk("mapping-disabled");
    let to = camera(net.a()).await;
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
    let read = call(&router, net.a(), SPECIFIC, &key("8080")).await;
    assert_eq!(read.field("NewEnabled"), "0");
    let refused = TcpStream::connect(net.outside(8080)).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

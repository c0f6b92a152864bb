//! The IGD client against replies as odd as routers send them.

use std::sync::Mutex;

use super::*;
use crate::fake_http::{FakeHttpServer, Reply, Request};
use crate::{AddressKind, Description, Lease, Route, ServiceType};

type Counted = (Action, Result<(), &'static str>);

/// Keeps what it is told: the requests, and what had to wait.
#[derive(Default)]
struct Log(Mutex<Vec<Counted>>, Mutex<Vec<(RequestKind, Duration)>>);

impl Observer for Log {
    fn request(&self, action: Action, result: Result<(), &'static str>) {
        self.0.lock().unwrap().push((action, result));
    }

    fn waited(&self, kind: RequestKind, wait: Duration) {
        self.1.lock().unwrap().push((kind, wait));
    }
}

fn client(control: Url, log: &Arc<Log>) -> Igd {
    let found = DiscoveredRouter {
        identity: Identity {
            name: "a router".into(),
            address: Ipv4Addr::LOCALHOST,
            service: ServiceType::WanIp(2),
            route: Route::Other,
        },
        control,
        from: Ipv4Addr::LOCALHOST,
    };
    Igd::new(found, Arc::clone(log) as Arc<dyn Observer>)
}

async fn router(
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (FakeHttpServer, Igd, Arc<Log>) {
    let server = FakeHttpServer::serve(Ipv4Addr::LOCALHOST, answer).await;
    let log = Arc::new(Log::default());
    let control = format!("http://{}/ctl", server.address).parse().unwrap();
    let igd = client(control, &log);
    (server, igd, log)
}

fn port(port: u16) -> ExternalPort {
    ExternalPort::new(port).unwrap()
}

fn index_asked(request: &Request) -> usize {
    let (_, rest) = request.body.split_once("<NewPortMappingIndex>").unwrap();
    rest.split_once('<').unwrap().0.parse().unwrap()
}

fn generic(external: u16, client: &str) -> String {
    format!(
        "<NewExternalPort>{external}</NewExternalPort><NewProtocol>TCP</NewProtocol>\
         <NewInternalPort>8080</NewInternalPort>\
         <NewInternalClient>{client}</NewInternalClient>"
    )
}

#[tokio::test]
async fn adding_sends_every_argument_escaped_and_in_the_standards_order() {
    let (server, igd, log) = router(|request| Reply::soap(&request.action, "")).await;
    let request = MappingRequest {
        external: port(8081),
        internal: "192.168.77.12:8080".parse().unwrap(),
        lease: Lease::from_seconds(30),
        description: Description::for_name("server 2"),
    };
    igd.add(&request).await.unwrap();
    let sent = server.last();
    assert_eq!(sent.action, "AddPortMapping");
    assert!(
        sent.body.contains(
            "<u:AddPortMapping xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:2\">\
             <NewRemoteHost></NewRemoteHost><NewExternalPort>8081</NewExternalPort>\
             <NewProtocol>TCP</NewProtocol>\
             <NewInternalPort>8080</NewInternalPort>\
             <NewInternalClient>192.168.77.12</NewInternalClient>\
             <NewEnabled>1</NewEnabled><NewPortMappingDescription>Porthole server \
             2</NewPortMappingDescription>\
             <NewLeaseDuration>30</NewLeaseDuration></u:AddPortMapping>"
        ),
        "{}",
        sent.body
    );
    assert_eq!(*log.0.lock().unwrap(), [(Action::AddPortMapping, Ok(()))]);
}

#[tokio::test]
async fn a_refusal_without_a_description_keeps_its_code() {
    let (_server, igd, log) = router(|_| Reply::fault(606)).await;
    let error = igd.delete(port(8080)).await.unwrap_err();
    assert_eq!(error.refusal(), Some(606));
    assert_eq!(
        *log.0.lock().unwrap(),
        [(Action::DeletePortMapping, Err("606"))]
    );
}

#[tokio::test]
async fn a_reply_that_is_not_utf_8_is_read_all_the_same() {
    let (_server, igd, _) = router(|_| {
        let mut body = b"<Envelope><Body><GetSpecificPortMappingEntryResponse>\
            <NewInternalClient>192.168.77.12</NewInternalClient>\
            <NewInternalPort>80</NewInternalPort>\
            <NewPortMappingDescription>K\xfcche</NewPortMappingDescription>"
            .to_vec();
        body.extend(b"</GetSpecificPortMappingEntryResponse></Body></Envelope>");
        Reply::Http(200, body)
    })
    .await;
    let entry = igd.entry(port(8080)).await.unwrap().unwrap();
    assert_eq!(entry.description, "K\u{fffd}che");
}

#[tokio::test]
async fn no_such_entry_is_an_answer_and_no_failure() {
    let (_server, igd, log) = router(|_| Reply::fault(714)).await;
    assert_eq!(igd.entry(port(8080)).await, Ok(None));
    assert_eq!(
        *log.0.lock().unwrap(),
        [(Action::GetSpecificPortMappingEntry, Ok(()))]
    );
}

#[tokio::test]
async fn what_the_router_does_not_offer_is_asked_for_once() {
    let (server, igd, _) = router(|request| match request.action.as_str() {
        "GetGenericPortMappingEntry" if index_asked(request) == 0 => {
            Reply::soap(&request.action, &generic(8080, "192.168.77.11"))
        }
        "GetGenericPortMappingEntry" => Reply::fault(713),
        _ => Reply::fault(401),
    })
    .await;
    for _ in 0..2 {
        let entry = igd.entry(port(8080)).await.unwrap().unwrap();
        assert_eq!(entry.client, "192.168.77.11");
        assert_eq!(igd.entry(port(8081)).await, Ok(None));
    }
    let asked = server.actions();
    let times = |name: &str| asked.iter().filter(|action| *action == name).count();
    assert_eq!(times("GetSpecificPortMappingEntry"), 1);
    assert_eq!(times("GetListOfPortMappings"), 1);
}

#[tokio::test]
async fn an_entry_that_is_hidden_is_not_taken_for_free() {
    let (_server, igd, _) = router(|request| match request.action.as_str() {
        "GetSpecificPortMappingEntry" => Reply::fault(606),
        "GetListOfPortMappings" => Reply::fault(730),
        other => panic!("{other}"),
    })
    .await;
    assert_eq!(
        igd.entry(port(8080)).await.unwrap_err().refusal(),
        Some(606)
    );
    assert_eq!(igd.table().await.unwrap().entries, []);
}

#[tokio::test]
async fn a_list_of_256_long_entries_fits() {
    let (server, igd, _) = router(|request| {
        let entry = |port| {
            format!(
                "<PortMappingEntry><NewRemoteHost></NewRemoteHost>{}<NewEnabled>1</NewEnabled>\
                 <NewDescription>{}\
                 </NewDescription><NewLeaseTime>604800</NewLeaseTime></PortMappingEntry>",
                generic(port, "192.168.177.211"),
                "d".repeat(300),
            )
        };
        let entries = (1..=256).map(entry).collect::<Vec<_>>().concat();
        let list = format!("<PortMappingList>{entries}</PortMappingList>");
        let listing = quick_xml::escape::escape(&list[..]);
        Reply::soap(
            &request.action,
            &format!("<NewPortListing>{listing}</NewPortListing>"),
        )
    })
    .await;
    let table = igd.table().await.unwrap();
    assert_eq!(table.entries.len(), 256);
    assert_eq!(server.actions(), ["GetListOfPortMappings"]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_leads_to_reading_by_index() {
    let (_server, igd, _) = router(|request| match request.action.as_str() {
        "GetListOfPortMappings" => Reply::Http(200, b"<html>oops</html>".to_vec()),
        _ => match index_asked(request) {
            index @ 0..3 => Reply::soap(&request.action, &generic(8080 + index as u16, "h")),
            _ => Reply::fault(501),
        },
    })
    .await;
    let table = igd.table().await.unwrap();
    assert_eq!((table.entries.len(), table.extent), (3, Extent::Whole));
}

#[tokio::test]
async fn more_than_the_limit_is_refused() {
    for size in [MAX_REPLY + 1, 2 * 1024 * 1024] {
        let (_server, igd, _) = router(move |_| Reply::Http(200, vec![b'x'; size])).await;
        let error = igd.external_address().await.unwrap_err();
        assert_eq!(error.code(), "too_large", "{size}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_router_that_never_answers_is_timed_out() {
    let (_server, igd, log) = router(|_| Reply::Silence).await;
    let error = igd.status().await.unwrap_err();
    assert_eq!(
        error,
        Error::TimedOut {
            action: Action::GetStatusInfo
        }
    );
    assert_eq!(
        *log.0.lock().unwrap(),
        [(Action::GetStatusInfo, Err("timed_out"))]
    );
}

#[tokio::test]
async fn a_router_that_is_gone_or_moved_is_to_be_searched_again() {
    let (_server, igd, _) =
        router(|_| Reply::Http(404, b"<html><body>404</body></html>".to_vec())).await;
    let moved = igd.external_address().await.unwrap_err();
    assert!(moved.wants_rediscovery(), "{moved}");

    // An address that no other test uses, so that nobody takes the port up again.
    let closed = std::net::TcpListener::bind("127.0.0.14:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let igd = client(
        format!("http://{closed}/ctl").parse().unwrap(),
        &Arc::default(),
    );
    let gone = igd.external_address().await.unwrap_err();
    assert!(gone.wants_rediscovery(), "{gone}");
    assert!(gone.to_string().contains("refused"), "{gone}");
}

#[tokio::test]
async fn external_addresses_are_told_apart() {
    for (text, expected) in [
        ("60.120.76.64", AddressKind::Public),
        ("192.168.1.2", AddressKind::Private),
        ("", AddressKind::Missing),
        ("0.0.0.0", AddressKind::Missing),
        ("(null)", AddressKind::Unreadable),
        ("not connected", AddressKind::Unreadable),
    ] {
        let (_server, igd, _) = router(move |request| {
            let field = format!("<NewExternalIPAddress>{text}</NewExternalIPAddress>");
            Reply::soap(&request.action, &field)
        })
        .await;
        assert_eq!(
            igd.external_address().await.unwrap().kind,
            expected,
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_router_that_knows_its_action_in_one_spelling_only_is_understood() {
    let (_server, igd, _) = router(|request| {
        if request.head.contains("\r\nSOAPAction: \"urn:") {
            Reply::soap(&request.action, "")
        } else {
            Reply::Http(501, b"<html>Not Implemented</html>".to_vec())
        }
    })
    .await;
    assert!(igd.status().await.is_ok());
}

#[tokio::test]
async fn the_status_is_read_with_or_without_its_fields() {
    let (_server, igd, _) = router(|request| {
        Reply::soap(
            &request.action,
            "<NewConnectionStatus>Connected</NewConnectionStatus><NewUptime>1234</NewUptime>",
        )
    })
    .await;
    let up = Status {
        connection: Connection::Up,
        uptime_seconds: Some(1_234),
    };
    assert_eq!(igd.status().await, Ok(up));
    let (_server, igd, _) = router(|request| Reply::soap(&request.action, "")).await;
    let silent = Status {
        connection: Connection::Unknown,
        uptime_seconds: None,
    };
    assert_eq!(igd.status().await, Ok(silent));
}

/// Keeps a paused clock where it is while packets travel: tokio moves it on when all tasks wait.
struct HeldClock(tokio::task::JoinHandle<()>);

impl HeldClock {
    fn hold() -> Self {
        Self(tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        }))
    }
}

impl Drop for HeldClock {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn asked_so_often(server: &FakeHttpServer, times: usize) {
    while server.actions().len() < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_urgent_requests_comes_out_at_the_rate() {
    let second = Duration::from_secs(1);
    let _clock = HeldClock::hold();
    let (server, igd, log) = router(|request| Reply::soap(&request.action, "")).await;
    let igd = Arc::new(igd.within(Arc::new(RequestQueue::new(second))));
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..80 {
        let igd = Arc::clone(&igd);
        flood.spawn(async move { igd.delete(port(8080)).await });
    }
    for seconds in 0..=20 {
        asked_so_often(&server, 60 + seconds).await;
        // Long enough for one more to be made, were it allowed.
        for _ in 0..2_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.actions().len(), 60 + seconds, "after {seconds} s");
        tokio::time::advance(second).await;
    }
    assert!(flood.join_all().await.iter().all(Result::is_ok));
    let waits = log.1.lock().unwrap().clone();
    let expected = (1..=20).map(|seconds| (RequestKind::Urgent, second * seconds));
    assert_eq!(waits, expected.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_long_table_is_read_by_index_only_as_far_as_the_budget_goes() {
    let _clock = HeldClock::hold();
    let (server, igd, log) = router(|request| match request.action.as_str() {
        "GetGenericPortMappingEntry" => {
            let external = 9_000 + u16::try_from(index_asked(request)).unwrap();
            Reply::soap(&request.action, &generic(external, "192.168.77.12"))
        }
        _ => Reply::fault(401),
    })
    .await;
    let queue = Arc::new(RequestQueue::new(Duration::from_secs(1)));
    let igd = igd.within(Arc::clone(&queue));
    let table = igd.table().await.unwrap();
    assert_eq!((table.entries.len(), table.extent), (49, Extent::Partial));
    assert_eq!(server.actions().len(), 50, "20 more than were there");
    assert_eq!(
        queue.turn().await,
        Ok(None),
        "something is left for what is urgent"
    );
    assert_eq!(*log.1.lock().unwrap(), []);
}

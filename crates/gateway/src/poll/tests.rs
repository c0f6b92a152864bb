//! A poll of routers that answer one thing and not another.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::*;
use crate::fake_http::{FakeHttpServer, Reply, Request};
use crate::{AddressKind, DiscoveredRouter, Identity, Observer, Route, ServiceType};

async fn polled(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> PollResult {
    let server = FakeHttpServer::serve(Ipv4Addr::LOCALHOST, answer).await;
    let found = DiscoveredRouter {
        identity: Identity {
            name: "a router".into(),
            address: Ipv4Addr::LOCALHOST,
            service: ServiceType::WanIp(1),
            route: Route::Default,
        },
        control: format!("http://{}/ctl", server.address).parse().unwrap(),
        from: Ipv4Addr::LOCALHOST,
    };
    let observer: Arc<dyn Observer> = Arc::new(());
    poll(&Igd::new(found, observer), PollScope::WithTable).await
}

/// A router that is well, but for its external address.
async fn with_address(address: impl Fn() -> Reply + Send + Sync + 'static) -> PollResult {
    polled(move |request| match request.action.as_str() {
        "GetExternalIPAddress" => address(),
        "GetStatusInfo" => Reply::soap(
            &request.action,
            "<NewConnectionStatus>Connected</NewConnectionStatus>",
        ),
        _ => Reply::fault(714),
    })
    .await
}

type Answer = Box<dyn Fn() -> Reply + Send + Sync>;

fn address_field(text: &str) -> Reply {
    let field = format!("<NewExternalIPAddress>{text}</NewExternalIPAddress>");
    Reply::soap("GetExternalIPAddress", &field)
}

#[tokio::test(start_paused = true)]
async fn a_router_is_not_lost_for_the_address_that_it_tells_or_does_not() {
    let html = || Reply::Http(200, b"<html>Busy</html>".to_vec());
    let cases: [(&str, Answer, AddressKind); 11] = [
        (
            "well",
            Box::new(|| address_field("60.120.76.64")),
            AddressKind::Public,
        ),
        (
            "null",
            Box::new(|| address_field("(null)")),
            AddressKind::Unreadable,
        ),
        (
            "words",
            Box::new(|| address_field("not connected")),
            AddressKind::Unreadable,
        ),
        (
            "v6",
            Box::new(|| address_field("2001:db8::1")),
            AddressKind::Unreadable,
        ),
        (
            "empty",
            Box::new(|| address_field("")),
            AddressKind::Missing,
        ),
        (
            "zero",
            Box::new(|| address_field("0.0.0.0")),
            AddressKind::Missing,
        ),
        (
            "private",
            Box::new(|| address_field("192.168.1.7")),
            AddressKind::Private,
        ),
        (
            "shared",
            Box::new(|| address_field("100.64.0.9")),
            AddressKind::CarrierGrade,
        ),
        (
            "refused",
            Box::new(|| Reply::fault(501)),
            AddressKind::Unreadable,
        ),
        ("a page", Box::new(html), AddressKind::Unreadable),
        (
            "silence",
            Box::new(|| Reply::Silence),
            AddressKind::Unreadable,
        ),
    ];
    for (what, answer, kind) in cases {
        let polled = with_address(answer).await;
        assert_eq!(polled.gone, None, "{what}");
        assert_eq!(
            polled.external.map(|external| external.kind),
            Some(kind),
            "{what}"
        );
        assert!(polled.table.is_some(), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_address_while_the_line_is_down_is_none() {
    let polled = polled(|request| match request.action.as_str() {
        "GetStatusInfo" => Reply::soap(
            &request.action,
            "<NewConnectionStatus>Disconnected</NewConnectionStatus>",
        ),
        _ => Reply::fault(501),
    })
    .await;
    assert_eq!(polled.external, Some(None.into()));
    assert_eq!(polled.gone, None);
}

#[tokio::test(start_paused = true)]
async fn only_a_router_that_answers_nothing_is_gone() {
    let page = || Reply::Http(404, b"<html>404</html>".to_vec());
    let only_table = polled(move |request| match request.action.as_str() {
        "GetGenericPortMappingEntry" => Reply::fault(713),
        _ => page(),
    })
    .await;
    assert_eq!(only_table.gone, None);
    let only_status = polled(move |request| match request.action.as_str() {
        "GetStatusInfo" => Reply::soap(&request.action, ""),
        _ => page(),
    })
    .await;
    assert_eq!(only_status.gone, None);
    assert!(only_status.table.is_none());
    let moved = polled(move |_| page()).await;
    assert_eq!(moved.gone.as_ref().map(Error::code), Some("unreadable"));
    assert_eq!(moved.external, None);
    let silent = polled(|_| Reply::Silence).await;
    assert_eq!(silent.gone.as_ref().map(Error::code), Some("timed_out"));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_takes_six_seconds_for_each_answer_works_and_its_time_is_told() {
    let polled = polled(|request| {
        let reply = match request.action.as_str() {
            "GetExternalIPAddress" => address_field("60.120.76.64"),
            "GetStatusInfo" => Reply::soap(&request.action, ""),
            _ => Reply::fault(714),
        };
        Reply::After(Duration::from_secs(6), Box::new(reply))
    })
    .await;
    assert_eq!(polled.gone, None);
    assert!(polled.table.is_some());
    assert_eq!(polled.answer_time.map(|time| time.as_secs()), Some(6)); // tokio's time
}

//! Being found, rebooting, losing the line, stopping.

use std::net::{Ipv4Addr, SocketAddrV4};

use porthole_sim_router::{Error, Event, SimRouter, SimRouterConfig, Wan};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::support::{
    Net, PATIENCE, add, call, camera, foreign, gateway, gateway_from, is_cut, next, secure, visit,
};

#[tokio::test]
async fn it_is_found_by_multicast_and_at_its_own_address_when_it_has_joined_the_group() {
    let net = Net::new();
    let config = SimRouterConfig {
        ssdp: SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 0),
        ..SimRouterConfig::loopback(net.lan(), net.wan())
    };
    let router = SimRouter::start(config).unwrap();
    assert!(router.ssdp_address().ip().is_multicast());
    // The source address takes the search out by the loopback interface.
    let found = gateway_from(&router, net.a()).await;
    assert_eq!(found.addr, router.http_address().into());

    let unicast = SocketAddrV4::new(net.lan(), router.ssdp_address().port());
    let client = tokio::net::UdpSocket::bind((net.a(), 0)).await.unwrap();
    let search = "M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: upnp:rootdevice\r\n\r\n";
    client.send_to(search.as_bytes(), unicast).await.unwrap();
    let mut answer = [0; 1500];
    let received = timeout(PATIENCE, client.recv_from(&mut answer));
    let (length, from) = received.await.expect("no answer").unwrap();
    assert_eq!(from, unicast.into());
    let location = format!("LOCATION: http://{}/rootDesc.xml", router.http_address());
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.contains(&location), "{answer}");
}

#[tokio::test]
async fn a_reboot_loses_the_table_cuts_connections_and_moves_the_web_server() {
    let net = Net::new();
    let mut router = net.start(secure());
    let camera = camera(net.a()).await;
    assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
    let (mut connection, _) = visit(net.outside(8080)).await;
    let (ssdp, http) = (router.ssdp_address(), router.http_address());
    let mut events = router.events();

    router.reboot().await.unwrap();
    assert_eq!(next(&mut events).await, Event::Rebooted);
    assert_eq!(router.table(), []);
    assert!(is_cut(&mut connection).await);
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
    let (mut connection, _) = visit(net.outside(8080)).await;

    router.set_wan(Wan::Down);
    assert!(is_cut(&mut connection).await);
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
    let config = SimRouterConfig {
        ssdp: first.ssdp_address(),
        http_port: first.http_address().port(),
        ..SimRouterConfig::loopback(net.lan(), net.wan())
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
    let config = SimRouterConfig {
        ssdp: SocketAddrV4::new(net.b(), 0),
        ..SimRouterConfig::loopback(net.lan(), net.wan())
    };
    let error = SimRouter::start(config).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&net.lan().to_string()), "{text}");
    assert!(text.contains(&net.b().to_string()), "{text}");
}

//! What the control URL answers.

use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::num::NonZeroU32;
use std::time::Instant;

use igd::{AddPortError, PortMappingProtocol, RemovePortError};
use porthole_sim_router::{Event, Leases, Listing, Quirks};
use tokio::net::TcpStream;

use super::support::{
    Net, add, call, call_service, camera, delete, exchange, gateway, get, key, next, secure,
};

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
        "POST /ctl/IPConn HTTP/1.1\r\nHost: router\r\nConnection: close\r\nContent-Length: \
         {}\r\n\r\n",
        1 << 30
    );
    let answer = exchange(router.http_address(), net.a(), request).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

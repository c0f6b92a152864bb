//! What goes through a mapped port, and what becomes of it.

use std::net::SocketAddrV4;

use porthole_sim_router::{Conflict, Established, Quirks, SimRouter, SimRouterConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::support::{Net, PATIENCE, add, camera, delete, echoes, foreign, is_cut, secure, visit};

#[tokio::test]
async fn a_mapped_port_carries_bytes_and_the_camera_sees_the_router() {
    let net = Net::new();
    let router = net.start(secure());
    let camera = camera(net.a()).await;
    assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
    let (mut connection, seen) = visit(net.outside(8080)).await;
    assert_eq!(seen, net.lan());
    let picture: Vec<u8> = (0..500_000_u32).map(|i| (i % 251) as u8).collect();
    let (mut read, mut write) = connection.split();
    let carry = async {
        let mut back = vec![0; picture.len()];
        let (sent, got) = tokio::join!(write.write_all(&picture), read.read_exact(&mut back));
        sent.unwrap();
        got.unwrap();
        back
    };
    let back = timeout(PATIENCE, carry).await.expect("the bytes stopped");
    assert!(back == picture, "the bytes came back changed");
    // A client that is done sending still gets what the camera has to say: the end is passed on,
    // each way.
    connection.shutdown().await.unwrap();
    assert!(is_cut(&mut connection).await);
}

#[tokio::test]
async fn connections_past_the_limit_are_reset_and_one_that_ends_makes_room() {
    let net = Net::new();
    let config = SimRouterConfig {
        connections_per_mapping: 2,
        ..SimRouterConfig::loopback(net.lan(), net.wan())
    };
    let router = SimRouter::start(config).unwrap();
    router
        .add_foreign(foreign(8080, camera(net.a()).await))
        .unwrap();
    let (first, _) = visit(net.outside(8080)).await;
    let (_second, _) = visit(net.outside(8080)).await;
    let mut third = TcpStream::connect(net.outside(8080)).await.unwrap();
    assert!(is_cut(&mut third).await);
    drop(first);
    let until_room = async {
        loop {
            let mut connection = TcpStream::connect(net.outside(8080)).await.unwrap();
            if connection.read_exact(&mut [0; 4]).await.is_ok() {
                break;
            }
        }
    };
    timeout(PATIENCE, until_room)
        .await
        .expect("no room was made");
}

#[tokio::test]
async fn a_connection_to_a_camera_that_refuses_is_reset() {
    let net = Net::new();
    let router = net.start(secure());
    let gone = TcpListener::bind((net.a(), 0)).await.unwrap();
    let to = SocketAddrV4::new(net.a(), gone.local_addr().unwrap().port());
    drop(gone);
    assert_eq!(add(&router, net.a(), to, 8080, 30).await, 0);
    let mut connection = TcpStream::connect(net.outside(8080)).await.unwrap();
    let end = timeout(PATIENCE, connection.read(&mut [0]))
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
        let (mut connection, _) = visit(net.outside(8080)).await;
        assert_eq!(delete(&router, net.a(), 8080).await, 0);
        let refused = TcpStream::connect(net.outside(8080)).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        match established {
            Established::Keep => assert!(echoes(&mut connection, b"still here").await),
            Established::Cut => assert!(is_cut(&mut connection).await),
        }
        // The port can be had again at once, whatever is left of the old mapping.
        assert_eq!(add(&router, net.a(), camera, 8080, 30).await, 0);
        visit(net.outside(8080)).await;
    }
}

#[tokio::test]
async fn an_overwriting_router_leads_new_connections_to_the_second_host() {
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
        .expect("b has no client")
        .unwrap();
    assert!(echoes(&mut early, b"with a").await);
}

#[tokio::test]
async fn a_wan_port_that_is_taken_on_this_machine_is_refused_with_729() {
    let net = Net::new();
    let router = net.start(secure());
    let taken = TcpListener::bind((net.wan(), 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let a = SocketAddrV4::new(net.a(), 80);
    assert_eq!(add(&router, net.a(), a, port, 30).await, 729);
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

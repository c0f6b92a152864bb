//! What a dead server's mapping is to its successor, by the router's habits; and that requests
//! leave from the address that is to be mapped, without which secure mode would refuse them all.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use porthole_gateway::verified::{self, Eviction, SecureOutcome};
use porthole_gateway::{DeleteRight, Description, Igd, Lease, MappingRequest, Search, discover};
use porthole_sim_router::{DeleteOfOther, Leases, Quirks, SimRouter, WhenFull};
use porthole_types::ExternalPort;

use super::support::{Net, PATIENCE, secure};

fn port(port: u16) -> ExternalPort {
    ExternalPort::new(port).unwrap()
}

/// The router as the server at `from` sees it.
async fn seen_from(router: &SimRouter, from: Ipv4Addr) -> Igd {
    let search = Search {
        from,
        ssdp: router.ssdp_address(),
        default_gateway: None,
        wait: PATIENCE,
    };
    let observer: Arc<dyn porthole_gateway::Observer> = Arc::new(());
    let found = discover(&search, &observer).await.unwrap();
    Igd::new(found, observer)
}

async fn secure_port(router: &Igd, external: u16, at: Ipv4Addr) -> SecureOutcome {
    let request = MappingRequest {
        external: port(external),
        internal: SocketAddrV4::new(at, 80),
        lease: Lease::from_seconds(600),
        description: Description::for_name("server"),
    };
    let mut learned = verified::Learned::default();
    let first = verified::Asked::First;
    let outcome = verified::secure(router, &request, first, &mut learned).await;
    outcome.unwrap()
}

/// The server at `a` maps 8080 and dies; the one at `b` evicts it.
async fn evict_a(net: &Net, router: &SimRouter) -> Eviction {
    let a = seen_from(router, net.a()).await;
    let b = seen_from(router, net.b()).await;
    let won = secure_port(&a, 8080, net.a()).await;
    assert!(matches!(won, SecureOutcome::Ours(_)), "{won:?}");
    let ours = SocketAddrV4::new(net.b(), 80);
    let eviction = verified::evict(&b, port(8080), net.a(), ours).await;
    eviction.unwrap()
}

#[tokio::test]
async fn an_open_router_lets_the_successor_delete_whatever_its_leases() {
    let net = Net::new();
    for leases in [Leases::AsAsked, Leases::PermanentOnly] {
        let router = net.start(Quirks {
            leases,
            ..Quirks::igd2()
        });
        let eviction = evict_a(&net, &router).await;
        assert_eq!(eviction, Eviction::Gone(DeleteRight::Granted));
        assert_eq!(router.table(), []);
        router.stop().await;
    }
}

#[tokio::test]
async fn secure_mode_keeps_a_failed_servers_mapping_whatever_it_calls_that() {
    let net = Net::new();
    for (delete_of_other, code) in [
        (DeleteOfOther::NotAuthorized, 606),
        (DeleteOfOther::NoSuchEntry, 714),
    ] {
        let router = net.start(Quirks {
            delete_of_other,
            leases: Leases::PermanentOnly,
            ..secure()
        });
        let Eviction::Irremovable {
            entry,
            refusal: Some(refusal),
        } = evict_a(&net, &router).await
        else {
            panic!("not irremovable");
        };
        assert_eq!(entry.client_address(), Some(net.a()));
        assert_eq!(refusal.refusal(), Some(code));
        assert_eq!(router.table().len(), 1);
        router.stop().await;
    }
}

#[tokio::test]
async fn the_mapping_of_another_device_is_not_touched() {
    let net = Net::new();
    let router = net.start(Quirks::igd2());
    let a = seen_from(&router, net.a()).await;
    secure_port(&a, 8080, net.a()).await;
    let somebody_else = net.wan();
    let ours = SocketAddrV4::new(net.b(), 80);
    let eviction = verified::evict(&a, port(8080), somebody_else, ours).await;
    assert!(
        matches!(eviction, Ok(Eviction::Theirs(Some(_)))),
        "{eviction:?}"
    );
    assert_eq!(router.table().len(), 1);
}

#[tokio::test]
async fn where_the_table_is_full_a_free_port_finds_no_room() {
    let net = Net::new();
    let router = net.start(Quirks {
        table_limit: 1,
        when_full: WhenFull::Refuse,
        ..secure()
    });
    let a = seen_from(&router, net.a()).await;
    secure_port(&a, 8081, net.a()).await;
    let full = secure_port(&a, 8080, net.a()).await;
    assert!(
        matches!(&full, SecureOutcome::NoRoom(why) if why.refusal() == Some(728)),
        "{full:?}"
    );
}

#[tokio::test]
async fn a_mapping_whose_answer_is_lost_is_known_by_reading_it_back() {
    let net = Net::new();
    let router = net.start(secure());
    let a = seen_from(&router, net.a()).await;
    router.lose_answers(1);
    let won = secure_port(&a, 8080, net.a()).await;
    assert!(matches!(won, SecureOutcome::Ours(_)), "{won:?}");
    router.lose_answers(1);
    let ours = SocketAddrV4::new(net.a(), 80);
    let description = Description::for_name("camera");
    let mapping = verified::Released {
        port: port(8080),
        internal: ours,
        description: &description,
    };
    let released = verified::release(&a, mapping, &mut verified::Learned::default()).await;
    assert_eq!(released, Ok(verified::Release::Released));
}

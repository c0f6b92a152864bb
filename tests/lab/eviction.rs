//! What the real router does with the mapping of a dead server: deleted by its successor or not,
//! and its last second.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use porthole_gateway::verified::{self, Eviction};
use porthole_gateway::{Countdowns, DeleteRight, Error, Gateway as _, Igd, Search, discover};
use porthole_types::ExternalPort;

use crate::support::lab::{Lab, LabConfig, PATIENCE, SecureMode};

const REPRESENTATIVE_PORT: ExternalPort = ExternalPort::new(8080).unwrap();
const LONG: Duration = Duration::from_mins(10);

/// Does this at a host of the lab, with the router as that host sees it.
fn at_host<T: Send, F: Future<Output = T>>(
    lab: &Lab,
    number: u8,
    work: impl FnOnce(Igd, Ipv4Addr) -> F + Send,
) -> T {
    let host = lab.host(number);
    host.namespace.run(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let search = Search {
                from: host.address,
                ssdp: "239.255.255.250:1900".parse().unwrap(),
                default_gateway: Some(Ipv4Addr::new(192, 168, 77, 1)),
                wait: Duration::from_secs(3),
            };
            let observer: Arc<dyn porthole_gateway::Observer> = Arc::new(());
            let found = discover(&search, &observer).await.unwrap();
            work(Igd::new(found, observer), host.address).await
        })
    })
}

/// The neighbour has mapped 8080 and died; another host evicts it.
fn evict_the_neighbour(lab: &Lab) -> Result<Eviction, Error> {
    let dead = lab.neighbour();
    let mapped = lab.router.add(
        &dead.namespace,
        dead.address,
        REPRESENTATIVE_PORT.get(),
        LONG,
    );
    mapped.expect("a host may map for itself");
    let dead = dead.address;
    at_host(lab, 12, move |router, me| async move {
        let ours = SocketAddrV4::new(me, 8080);
        verified::evict(&router, REPRESENTATIVE_PORT, dead, ours).await
    })
}

#[test]
fn without_secure_mode_the_successor_deletes_a_dead_servers_mapping() {
    let Some(lab) = Lab::open(LabConfig {
        secure_mode: SecureMode::Off,
        ..LabConfig::default()
    }) else {
        return;
    };
    let eviction = evict_the_neighbour(&lab);
    assert_eq!(eviction, Ok(Eviction::Gone(DeleteRight::Granted)));
    assert_eq!(lab.router.entries(), []);
}

#[test]
fn in_secure_mode_the_mapping_stays_and_is_known_to_be_irremovable() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let eviction = evict_the_neighbour(&lab).unwrap();
    let Eviction::Irremovable {
        entry,
        refusal: Some(refusal),
    } = eviction
    else {
        panic!("not irremovable: {eviction:?}");
    };
    assert_eq!(entry.client_address(), Some(lab.neighbour().address));
    assert_eq!(refusal.refusal(), Some(606));
    assert_eq!(lab.router.entries().len(), 1);
}

#[test]
fn a_lease_never_seems_to_be_without_end_while_it_runs_out() {
    let Some(lab) = Lab::open(LabConfig::default()) else {
        return;
    };
    let dead = lab.neighbour();
    let short = Duration::from_secs(3);
    let mapped = lab.router.add(
        &dead.namespace,
        dead.address,
        REPRESENTATIVE_PORT.get(),
        short,
    );
    mapped.expect("a host may map for itself");
    let readings = at_host(&lab, 12, |router, _| async move {
        let mut countdowns = Countdowns::default();
        let mut readings = Vec::new();
        let until = Instant::now() + PATIENCE;
        while let Some(entry) = router.entry(REPRESENTATIVE_PORT).await.unwrap() {
            assert!(Instant::now() < until, "the lease does not end");
            let remaining = countdowns.remaining(&entry, Instant::now());
            readings.push((entry.lease_seconds, remaining));
        }
        readings
    });
    let last = readings.last().expect("the mapping was there");
    println!("the last of {} readings: {last:?}", readings.len());
    assert!(
        readings.iter().all(|(_, remaining)| remaining.is_some()),
        "{readings:?}"
    );
}

//! What one merge of the peer map costs, with 3, 50 and 250 other cameras that all four sources
//! know of, and what it costs to see that nothing that shows has changed.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use porthole::fleet::{
    Activity, AdvertisedServer, MappedServer, MergeInput, Myself, Observations, Occasion,
    ReceivedReport, Report, Scheme, Standing, merge,
};
use porthole_election::LanMessaging;
use porthole_types::{ExternalPort, InstanceId, InternalPort, Term};

const SIZES: [u16; 3] = [3, 50, 250];

fn lan(number: u16) -> SocketAddrV4 {
    let [high, low] = number.to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(192, 168, high, low), 8080)
}

fn port(number: u16) -> ExternalPort {
    ExternalPort::new(8080 + number).expect("a port")
}

fn me() -> Myself {
    Myself {
        id: InstanceId(0),
        name: "server 1".to_owned(),
        lan: lan(0),
        external: Some(port(0)),
        standing: Standing::Representative,
        activity: Activity::Idle,
        scheme: Scheme::Http,
    }
}

fn observations(cameras: u16, now: Instant) -> Observations {
    let mut observations = Observations::default();
    let mapped = (1..=cameras).map(|number| MappedServer {
        external: port(number),
        lan: lan(number),
        name: format!("camera {number}"),
    });
    observations.set_table(Some((mapped.collect(), now)));
    for number in 1..=cameras {
        let id = InstanceId(number.into());
        observations.add_advertised(AdvertisedServer {
            id,
            name: Some(format!("Câmera {number}")),
            lan: lan(number),
            scheme: Scheme::Http,
            external: Some(port(number)),
            at: now,
        });
        observations.add_report(ReceivedReport {
            id,
            report: Report {
                name: format!("Câmera {number}"),
                http_port: InternalPort::new(8080).expect("a port"),
                external: Some(port(number)),
                term: Term(7),
                activity: Activity::Live("1280×720, 30/s, 2 viewers".to_owned()),
                scheme: Scheme::Http,
                occasion: Occasion::Asked,
                auth_state: 0,
            },
            from: *lan(number).ip(),
            at: now,
        });
    }
    observations
}

fn merging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fleet");
    let (now, me) = (Instant::now(), me());
    for cameras in SIZES {
        let observations = observations(cameras, now);
        let input = MergeInput {
            me: &me,
            observations: &observations,
            representative_port: port(0),
            heartbeat: Duration::from_secs(2),
            lan: LanMessaging::Enabled,
        };
        let fleet = merge(&input, now);
        assert_eq!(fleet.others().count(), usize::from(cameras));
        group.bench_function(BenchmarkId::new("merge", cameras), |bench| {
            bench.iter(|| merge(black_box(&input), now));
        });
        let later = merge(&input, now + Duration::from_secs(1));
        group.bench_function(BenchmarkId::new("nothing has changed", cameras), |bench| {
            bench.iter(|| assert!(fleet.looks_like(black_box(&later))));
        });
    }
    group.finish();
}

criterion_group!(benches, merging);
criterion_main!(benches);

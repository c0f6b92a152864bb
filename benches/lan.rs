//! What a datagram costs at the inbound filter: a sealed report that is admitted, and what a flood
//! may send instead.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use porthole::fleet::{Activity, Occasion, Report, Scheme};
use porthole::lan::{Body, Handshake, InboundFilter, Keyring, Message, Rejection};
use porthole::settings::{Secret, Site};
use porthole_types::{BootId, ExternalPort, InstanceId, InternalPort, Term};

const FROM: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 12);

fn keys(key: Option<&str>) -> Arc<Keyring> {
    Arc::new(Keyring::new(&Site {
        key: key.map(|key| Secret::new(key.to_owned())),
        previous_key: None,
    }))
}

fn report(keys: &Keyring, counter: u64) -> Vec<u8> {
    let report = Report {
        name: "Front door".to_owned(),
        http_port: InternalPort::new(8080).expect("a port"),
        external: ExternalPort::new(8081),
        term: Term(7),
        activity: Activity::Live("1280×720, 30/s, 2 viewers".to_owned()),
        scheme: Scheme::Http,
        occasion: Occasion::Unasked,
        auth_state: 0,
    };
    said(keys, counter, Body::Report(report))
}

fn said(keys: &Keyring, counter: u64, body: Body) -> Vec<u8> {
    let message = Message {
        from: InstanceId(2),
        boot: BootId(1_800_000_000),
        counter,
        to: None,
        body,
    };
    keys.seal(&message.to_json())
        .expect("the kernel has randomness")
}

/// Lets the sender show that it is there.
fn prove(inbound_filter: &mut InboundFilter, keys: &Keyring, now: Instant) {
    let Err(Rejection::Unproven(reply)) = inbound_filter.admit(&report(keys, 0), FROM, now) else {
        panic!("its first message is not believed");
    };
    let answer = said(
        keys,
        0,
        Body::Handshake(Handshake {
            challenge: None,
            proof: reply.challenge,
        }),
    );
    inbound_filter
        .admit(&answer, FROM, now)
        .expect("it has answered");
}

fn admit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lan");
    let (ours, none) = (keys(Some("the key of this site")), keys(None));

    // Each datagram is another one, and time passes: nothing is refused as heard before or as too
    // many.
    let mut inbound_filter = InboundFilter::new(InstanceId(1), Arc::clone(&ours), Instant::now());
    let (mut counter, mut now) = (0, Instant::now());
    prove(&mut inbound_filter, &ours, now);
    group.bench_function("a sealed report, admitted", |bench| {
        bench.iter_batched(
            || {
                counter += 1;
                now += Duration::from_millis(10);
                (report(&ours, counter), now)
            },
            |(datagram, now)| {
                let admitted = inbound_filter.admit(black_box(&datagram), FROM, now);
                assert!(admitted.is_ok(), "{admitted:?}");
            },
            BatchSize::SmallInput,
        );
    });

    let mut flipped = report(&ours, 1);
    *flipped.last_mut().expect("a report has bytes") ^= 1;
    let garbage = vec![0x5a; 300];
    let unsigned = report(&none, 1);
    for (name, keys, datagram) in [
        ("a report with one bit turned", &ours, &flipped),
        ("300 bytes of garbage", &ours, &garbage),
        ("a flood past its limit, without a key", &none, &unsigned),
    ] {
        let now = Instant::now();
        let mut inbound_filter = InboundFilter::new(InstanceId(1), Arc::clone(keys), now);
        while inbound_filter.admit(datagram, FROM, now).is_ok() {}
        group.bench_function(name, |bench| {
            bench.iter(|| {
                assert!(
                    inbound_filter
                        .admit(black_box(datagram), FROM, now)
                        .is_err()
                );
            });
        });
    }
    group.bench_function("sealing a report", |bench| {
        bench.iter(|| report(black_box(&ours), 1));
    });
    group.finish();
}

criterion_group!(benches, admit);
criterion_main!(benches);

//! How long the fleet page takes to render: the common site, and the most the router's table can
//! hold.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use porthole::auth::{Access, LoginScope};
use porthole::http::pages::{FleetPage, LeadershipLine, PageLayout, Tile, TileState, fleet};
use porthole::shared::{CameraRef, LeadershipView, Reason};
use porthole_types::{InstanceId, Term};

fn tile(number: u16) -> Tile {
    Tile {
        id: Some(InstanceId(u64::from(number))),
        name: format!("server {number}"),
        label: None,
        url: Some(
            format!("http://60.120.76.64:{}/", 8079 + number)
                .parse()
                .unwrap_or_else(|error| panic!("{error}")),
        ),
        page_path: None,
        still: Some(format!(
            "http://60.120.76.64:{}/snapshot.jpg",
            8079 + number
        )),
        state: TileState::Live,
        detail: "1280×720, 30/s, 2 viewers".to_owned(),
        is_representative: number == 1,
        is_verified: true,
        silent_for: None,
    }
}

fn leadership() -> LeadershipLine {
    LeadershipLine {
        me: InstanceId(1),
        view: Some(LeadershipView::Held {
            by: CameraRef::new(Some(InstanceId(1)), "server 1".to_owned()),
            term: Term(1),
            since: None,
            reason: Reason::default(),
            words: String::new(),
        }),
        why_unknown: String::new(),
    }
}

fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("page");
    for cameras in [3, 250] {
        let page = FleetPage {
            me: tile(1),
            others: (2..=cameras).map(tile).collect(),
            layout: PageLayout {
                leadership: leadership(),
                notices: Vec::new(),
                router_line: "Router at 192.168.77.1, outside 60.120.76.64".to_owned(),
                access: Some(Access::Admin),
                reach: LoginScope::Site,
                demo: None,
            },
        };
        group.throughput(Throughput::Elements(u64::from(cameras)));
        group.bench_with_input(BenchmarkId::new("fleet", cameras), &page, |bench, page| {
            bench.iter(|| fleet(black_box(page)));
        });
    }
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);

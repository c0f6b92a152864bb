use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::super::{GONE_HEARTBEATS, ReceivedReport};
use super::*;
use crate::fleet::{MappedServer, Occasion, Report};
use porthole_types::{InternalPort, Term};

const REPRESENTATIVE_PORT: u16 = 8080;
const HEARTBEAT: Duration = Duration::from_secs(2);

fn external(port: u16) -> ExternalPort {
    ExternalPort::new(port).unwrap()
}

fn lan(host: u8) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, host), 80)
}

fn id(host: u8) -> InstanceId {
    InstanceId(host.into())
}

fn me(standing: Standing, port: Option<u16>) -> Myself {
    Myself {
        id: id(1),
        name: "server 1".into(),
        lan: lan(1),
        external: port.map(external),
        standing,
        activity: Activity::Idle,
        scheme: Scheme::Http,
    }
}

fn representative() -> Myself {
    me(Standing::Representative, Some(REPRESENTATIVE_PORT))
}

fn member() -> Myself {
    me(Standing::Member, None)
}

fn entry(host: u8, port: u16, name: &str) -> MappedServer {
    MappedServer {
        external: external(port),
        lan: lan(host),
        name: name.into(),
    }
}

fn received(host: u8, port: Option<u16>, name: &str, at: Instant) -> ReceivedReport {
    let report = Report {
        name: name.into(),
        http_port: InternalPort::new(80).unwrap(),
        external: port.map(external),
        term: Term(1),
        activity: Activity::Live("640×480".into()),
        scheme: Scheme::Http,
        occasion: Occasion::Unasked,
        auth_state: 0,
    };
    ReceivedReport {
        id: id(host),
        report,
        from: *lan(host).ip(),
        at,
    }
}

fn advertised(host: u8, port: Option<u16>, name: &str, at: Instant) -> AdvertisedServer {
    AdvertisedServer {
        id: id(host),
        name: Some(name.into()),
        lan: lan(host),
        scheme: Scheme::Https,
        external: port.map(external),
        at,
    }
}

fn merged(me: &Myself, observations: &Observations, lan: LanMessaging, now: Instant) -> Fleet {
    let input = MergeInput {
        me,
        observations,
        representative_port: external(REPRESENTATIVE_PORT),
        heartbeat: HEARTBEAT,
        lan,
    };
    merge(&input, now)
}

fn fleet(me: &Myself, observations: &Observations, now: Instant) -> Fleet {
    merged(me, observations, LanMessaging::Enabled, now)
}

fn other(fleet: &Fleet) -> &Camera {
    let mut others = fleet.others();
    let other = others.next().expect("there is another");
    assert_eq!(others.next(), None, "and only one");
    other
}

#[test]
fn the_table_alone_fills_the_fleet_as_in_embodiment_1() {
    let now = Instant::now();
    let table = [(3, 8082), (1, 8080), (2, 8081)]
        .map(|(host, port)| entry(host, port, &format!("server {host}")));
    let mut observations = Observations::default();
    observations.set_table(Some((table.into(), now)));
    let fleet = fleet(&representative(), &observations, now);
    let names: Vec<_> = fleet.cameras.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["server 1", "server 2", "server 3"]);
    assert!(
        fleet
            .others()
            .all(|c| c.verification == Verification::Unverified)
    );
    assert_eq!(
        fleet.representative().unwrap().locality,
        Locality::ThisServer
    );
}

#[test]
fn a_report_names_and_verifies_an_entry_of_the_table_and_each_source_has_its_age() {
    let start = Instant::now();
    let second = |n| start + Duration::from_secs(n);
    let mut observations = Observations::default();
    let mut answer = received(2, Some(8081), "Barn", second(1));
    answer.report.occasion = Occasion::Asked;
    observations.add_report(answer);
    observations.add_report(received(2, Some(8081), "Barn", second(3)));
    observations.set_table(Some(([entry(2, 8081, "server 2")].into(), second(4))));
    observations.add_advertised(advertised(2, None, "Attic", start));
    let fleet = fleet(&representative(), &observations, second(5));
    let barn = other(&fleet);
    assert_eq!((barn.name.as_str(), barn.id), ("Barn", Some(id(2))));
    assert_eq!(barn.external, Some(external(8081)));
    assert_eq!(barn.verification, Verification::Verified);
    let ages: Vec<_> = barn
        .sources
        .iter()
        .map(|(from, age)| (*from, age.as_secs()))
        .collect();
    let expected = [
        (FleetSource::Table, 1),
        (FleetSource::Answer, 4),
        (FleetSource::Report, 2),
        (FleetSource::Mdns, 5),
    ];
    assert_eq!(ages, expected);
    assert_eq!(barn.age, Duration::from_secs(2), "since its last report");
}

#[test]
fn a_report_sent_unasked_is_there_before_the_table_is_read_again() {
    let read_at = Instant::now();
    let now = read_at + Duration::from_secs(1);
    let mut observations = Observations::default();
    observations.set_table(Some((Vec::new(), read_at)));
    observations.add_report(received(4, Some(8083), "Gate", now));
    let fleet = fleet(&representative(), &observations, now);
    assert_eq!(other(&fleet).external, Some(external(8083)));
}

#[test]
fn a_port_that_the_newer_table_does_not_confirm_is_not_linked() {
    let at = Instant::now();
    let now = at + Duration::from_secs(1);
    let mut observations = Observations::default();
    observations.add_report(received(4, Some(8083), "Gate", at));
    observations.set_table(Some((Vec::new(), now)));
    assert_eq!(
        other(&fleet(&representative(), &observations, now)).external,
        None
    );
}

#[test]
fn nobody_becomes_representative_by_a_report_while_this_server_is() {
    let now = Instant::now();
    let mut observations = Observations::default();
    observations.add_report(received(5, Some(REPRESENTATIVE_PORT), "Mallory", now));
    let fleet = fleet(&representative(), &observations, now);
    assert_eq!(
        fleet.representative().unwrap().locality,
        Locality::ThisServer
    );
    assert_eq!(other(&fleet).external, None);
}

#[test]
fn a_server_that_stops_reporting_fades_and_goes_without_flicker_and_its_table_entry_is_unverified()
{
    let start = Instant::now();
    for in_table in [true, false] {
        let mut observations = Observations::default();
        observations.add_report(received(2, Some(8081), "Barn", start));
        observations.add_advertised(advertised(2, None, "Barn", start));
        let mut seen = Vec::new();
        for tenth in 0..=200 {
            let now = start + HEARTBEAT * tenth / 10;
            if in_table {
                observations.set_table(Some(([entry(2, 8081, "server 2")].into(), now)));
            }
            observations.sweep(HEARTBEAT, now);
            let fleet = fleet(&member(), &observations, now);
            let state = fleet
                .others()
                .next()
                .map(|one| (one.presence, one.verification, one.name.clone()));
            if seen.last().is_none_or(|(_, last)| *last != state) {
                seen.push((tenth, state));
            }
        }
        let barn = |presence, verification| Some((presence, verification, "Barn".to_owned()));
        let left = in_table.then(|| {
            (
                Presence::Here,
                Verification::Unverified,
                "server 2".to_owned(),
            )
        });
        let expected = [
            (0, barn(Presence::Here, Verification::Verified)),
            (
                FRESH_HEARTBEATS * 10,
                barn(Presence::Fading, Verification::Unverified),
            ),
            (GONE_HEARTBEATS * 10, left),
        ];
        assert_eq!(seen, expected);
    }
}

#[test]
fn a_new_representative_that_still_holds_its_old_port_is_one_camera() {
    let now = Instant::now();
    let mut observations = Observations::default();
    let table = [
        entry(2, 8081, "server 2"),
        entry(2, REPRESENTATIVE_PORT, "server 2"),
    ];
    observations.set_table(Some((table.into(), now)));
    let fleet = fleet(&member(), &observations, now);
    assert_eq!(other(&fleet).external, Some(external(REPRESENTATIVE_PORT)));
    assert_eq!(other(&fleet).standing, Standing::Representative);
}

#[test]
fn after_a_rotation_the_new_representatives_report_goes_before_the_older_table() {
    let read_at = Instant::now();
    let now = read_at + Duration::from_secs(1);
    let mut observations = Observations::default();
    let table = [
        entry(2, REPRESENTATIVE_PORT, "server 1"),
        entry(3, 8081, "server 2"),
    ];
    observations.set_table(Some((table.into(), read_at)));
    observations.add_report(received(3, Some(REPRESENTATIVE_PORT), "Barn", now));
    let fleet = fleet(&me(Standing::Member, Some(8082)), &observations, now);
    let barn = other(&fleet);
    assert_eq!(
        (barn.name.as_str(), barn.external, barn.standing),
        (
            "Barn",
            Some(external(REPRESENTATIVE_PORT)),
            Standing::Representative
        ),
        "the previous one's entry of the older reading is gone with its port"
    );
}

#[test]
fn of_two_at_one_address_the_one_that_reported_last_is_there() {
    let start = Instant::now();
    let now = start + Duration::from_secs(1);
    let mut observations = Observations::default();
    let moved = ReceivedReport {
        from: *lan(2).ip(),
        ..received(3, None, "Barn", now)
    };
    observations.add_report(moved);
    observations.add_report(received(2, None, "Attic", start));
    assert_eq!(other(&fleet(&member(), &observations, now)).name, "Barn");
}

#[test]
fn a_server_in_mdns_alone_is_unverified_and_not_linked_from_outside() {
    let now = Instant::now();
    let mut observations = Observations::default();
    observations.add_advertised(advertised(2, Some(REPRESENTATIVE_PORT), "Barn", now));
    let with_reports = fleet(&member(), &observations, now);
    let barn = other(&with_reports);
    assert_eq!((barn.name.as_str(), barn.id), ("Barn", Some(id(2))));
    assert_eq!((barn.lan, barn.scheme), (lan(2), Scheme::Https));
    assert_eq!(
        (barn.verification, barn.external),
        (Verification::Unverified, None)
    );
    assert_eq!(barn.standing, Standing::Member);

    // Where nobody reports itself and no table is read, nothing is known better.
    let without_reports = merged(&member(), &observations, LanMessaging::Disabled, now);
    let barn = other(&without_reports);
    assert_eq!(barn.verification, Verification::Unverified);
    assert_eq!(barn.external, Some(external(REPRESENTATIVE_PORT)));
    observations.set_table(Some((Vec::new(), now)));
    assert_eq!(
        other(&merged(
            &member(),
            &observations,
            LanMessaging::Disabled,
            now
        ))
        .external,
        None
    );
}

#[test]
fn an_entry_of_the_table_gets_its_full_name_from_mdns_if_that_is_what_was_described() {
    let now = Instant::now();
    let mut observations = Observations::default();
    observations.set_table(Some(([entry(2, 8081, "Kuche")].into(), now)));
    for (name, expected) in [("Küche", "Küche"), ("Mallory", "Kuche")] {
        observations.add_advertised(advertised(2, Some(REPRESENTATIVE_PORT), name, now));
        let fleet = fleet(&representative(), &observations, now);
        let one = other(&fleet);
        assert_eq!((one.name.as_str(), one.id), (expected, Some(id(2))));
        assert_eq!(one.external, Some(external(8081)));
        assert_eq!(one.verification, Verification::Unverified);
    }
}

#[test]
fn an_mdns_entry_does_not_count_for_a_server_that_was_heard_since_and_left_or_went_silent() {
    let start = Instant::now();
    let second = |n| start + Duration::from_secs(n);
    let mut observations = Observations::default();
    observations.add_advertised(advertised(2, None, "Barn", start));
    observations.add_report(received(2, None, "Barn", second(1)));
    observations.remove_reports(id(2), second(2));
    assert_eq!(
        fleet(&member(), &observations, second(2)).others().next(),
        None
    );
    // Seen again since then: it counts.
    observations.add_advertised(advertised(2, None, "Barn", second(3)));
    assert_eq!(
        other(&fleet(&member(), &observations, second(3))).name,
        "Barn"
    );
    observations.remove_advertised(id(2));
    assert_eq!(
        fleet(&member(), &observations, second(3)).others().next(),
        None
    );
}

#[test]
fn a_flood_of_made_up_servers_is_bounded_and_forgets_the_oldest() {
    let start = Instant::now();
    let mut observations = Observations::default();
    for n in 0..2000_u64 {
        let at = start + Duration::from_millis(n);
        observations.add_report(ReceivedReport {
            id: InstanceId(n),
            ..received(2, None, "x", at)
        });
        observations.add_advertised(AdvertisedServer {
            id: InstanceId(n),
            ..advertised(2, None, "x", at)
        });
    }
    let bound = super::super::MAX_PEERS;
    assert_eq!(
        (observations.reporting.len(), observations.advertised.len()),
        (bound, bound)
    );
    assert!(observations.reporting.contains_key(&InstanceId(1999)));
}

/// Something that one of the sources says.
#[derive(Clone, Debug)]
enum Event {
    Heard(ReceivedReport),
    Advertised(AdvertisedServer),
}

/// A small world, so that they meet: five cameras at five addresses, with five ports.
fn any_event(start: Instant) -> impl Strategy<Value = (u64, Event)> {
    let port = prop::option::of(REPRESENTATIVE_PORT..REPRESENTATIVE_PORT + 5);
    (1..7_u8, 1..7_u8, port, 0..60_000_u64, 0..3).prop_map(move |(who, host, port, ms, kind)| {
        let at = start + Duration::from_millis(ms);
        let event = match kind {
            0 => Event::Advertised(AdvertisedServer {
                id: id(who),
                ..advertised(host, port, "Küche", at)
            }),
            asked => {
                let mut heard = received(host, port, "Küche", at);
                heard.id = id(who);
                if asked == 1 {
                    heard.report.occasion = Occasion::Asked;
                }
                Event::Heard(heard)
            }
        };
        (ms, event)
    })
}

fn observations_of(events: &[(u64, Event)]) -> Observations {
    let mut observations = Observations::default();
    for (_, event) in events {
        match event.clone() {
            Event::Heard(heard) => observations.add_report(heard),
            Event::Advertised(entry) => observations.add_advertised(entry),
        }
    }
    observations
}

proptest! {
    #[test]
    fn no_order_of_the_sources_matters_nobody_is_there_twice_and_nobody_but_one_represents(
        events in prop::collection::vec(any_event(Instant::now()), 0..30),
        table in prop::option::of(prop::collection::vec((1..7_u8, 0..5_u16), 0..8)),
        read_ms in 0..60_000_u64,
        mine in prop_oneof![
            Just(representative()),
            (0..5_u16).prop_map(|port| me(Standing::Member, Some(REPRESENTATIVE_PORT + port))),
            Just(member()),
        ],
        lan in prop_oneof![Just(LanMessaging::Enabled), Just(LanMessaging::Disabled)],
        seed in any::<u64>(),
    ) {
        let start = Instant::now();
        let now = start + Duration::from_secs(61);
        // No two at the same moment: which is the later one is what matters.
        let mut events = events;
        events.sort_by_key(|(ms, _)| *ms);
        events.dedup_by_key(|(ms, _)| *ms);
        let read_at = start + Duration::from_millis(read_ms);
        let table = table.map(|entries| {
            let hosts_by_port: BTreeMap<_, _> =
                entries.into_iter().map(|(host, port)| (port, host)).collect();
            hosts_by_port
                .into_iter()
                .map(|(port, host)| entry(host, REPRESENTATIVE_PORT + port, "Kuche"))
                .collect::<Vec<_>>()
        });
        let mut observations = observations_of(&events);
        observations.set_table(table.clone().map(|table| (table, read_at)));
        observations.sweep(HEARTBEAT, now);
        let fleet = merged(&mine, &observations, lan, now);

        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut events);
        let mut again = observations_of(&events);
        again.set_table(table.map(|mut table| {
            random.shuffle(&mut table);
            (table, read_at)
        }));
        again.sweep(HEARTBEAT, now);
        prop_assert_eq!(&fleet, &merged(&mine, &again, lan, now));

        let all = fleet.cameras.len();
        let distinct = |count: usize| count == all;
        let lans: BTreeSet<_> = fleet.cameras.iter().map(|camera| camera.lan).collect();
        prop_assert!(distinct(lans.len()), "one address twice: {:?}", fleet);
        let ids: Vec<_> = fleet.cameras.iter().filter_map(|camera| camera.id).collect();
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "one camera twice");
        let ports: Vec<_> = fleet.cameras.iter().filter_map(|camera| camera.external).collect();
        prop_assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len(), "one port twice");
        let count = |is: fn(&Camera) -> bool| {
            fleet.cameras.iter().filter(|camera| is(camera)).count()
        };
        prop_assert!(count(|camera| camera.standing == Standing::Representative) <= 1);
        prop_assert_eq!(count(|camera| camera.locality == Locality::ThisServer), 1);
        prop_assert!(fleet.cameras.iter().all(|camera| !camera.sources.is_empty()));
    }
}

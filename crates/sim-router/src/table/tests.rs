use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::quirks::{Descriptions, LeaseClock, Leases, Ticks};

mod by_name;
mod oddities;

const A: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 11);
const B: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 12);

fn port(number: u16) -> ExternalPort {
    ExternalPort::new(number).unwrap()
}

fn mapping(client: Ipv4Addr, external: u16) -> Mapping {
    Mapping {
        protocol: Protocol::Tcp,
        external_port: port(external),
        client,
        internal_port: InternalPort::new(8080).unwrap(),
        description: "Porthole test".to_owned(),
    }
}

fn table(change: impl FnOnce(&mut Quirks)) -> Table {
    let mut quirks = Quirks::default();
    change(&mut quirks);
    Table::new(quirks, Instant::now())
}

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn a_port_held_by_another_is_refused_with_718_until_its_lease_ends() {
    let mut table = table(|_| ());
    let t0 = Instant::now();
    table.add(t0, A, mapping(A, 8080), 30).unwrap();
    let late = after(t0, 29);
    assert_eq!(
        table.add(late, B, mapping(B, 8080), 30),
        Err(Fault::Conflict)
    );
    assert_eq!(
        table
            .get(late, Protocol::Tcp, port(8080))
            .unwrap()
            .mapping
            .client,
        A
    );
    let ended = after(t0, 30);
    assert!(matches!(
        table.add(ended, B, mapping(B, 8080), 30),
        Ok(AddOutcome::Added(_))
    ));
}

#[test]
fn a_renewal_extends_the_lease_and_takes_the_new_internal_port() {
    let mut table = table(|_| ());
    let t0 = Instant::now();
    table.add(t0, A, mapping(A, 8080), 30).unwrap();
    let mut moved = mapping(A, 8080);
    moved.internal_port = InternalPort::new(8081).unwrap();
    assert!(matches!(
        table.add(after(t0, 20), A, moved.clone(), 30),
        Ok(AddOutcome::Renewed(_))
    ));
    let entry = table.get(after(t0, 40), Protocol::Tcp, port(8080)).unwrap();
    assert_eq!(entry.mapping, moved);
    assert_eq!(table.seconds_left(entry, after(t0, 40)), 10);
    assert_eq!(table.live(after(t0, 40)).count(), 1);
}

#[test]
fn tcp_and_udp_on_the_same_port_are_two_mappings() {
    let mut table = table(|_| ());
    let now = Instant::now();
    let udp = Mapping {
        protocol: Protocol::Udp,
        ..mapping(B, 8080)
    };
    table.add(now, A, mapping(A, 8080), 0).unwrap();
    table.add(now, B, udp, 0).unwrap();
    assert_eq!(table.live(now).count(), 2);
}

#[test]
fn secure_mode_refuses_with_the_codes_it_is_told() {
    let now = Instant::now();
    for (add, add_code) in [
        (AddForOther::Conflict, 718),
        (AddForOther::NotAuthorized, 606),
    ] {
        for (delete, delete_code) in [
            (DeleteOfOther::NotAuthorized, 606),
            (DeleteOfOther::NoSuchEntry, 714),
        ] {
            let mut table = table(|quirks| {
                quirks.access = Access::Secure;
                quirks.add_for_other = add;
                quirks.delete_of_other = delete;
            });
            table.add(now, A, mapping(A, 8080), 30).unwrap();
            let refused = table.add(now, B, mapping(A, 8081), 30).unwrap_err();
            assert_eq!(refused.code(), add_code);
            let refused = table.delete(now, B, Protocol::Tcp, port(8080)).unwrap_err();
            assert_eq!(refused.code(), delete_code);
            assert!(
                table
                    .delete(now, A, Protocol::Tcp, port(8080))
                    .unwrap()
                    .is_some()
            );
        }
    }
}

#[test]
fn an_open_router_lets_anybody_delete() {
    let mut table = table(|_| ());
    let now = Instant::now();
    table.add(now, A, mapping(A, 8080), 30).unwrap();
    assert!(
        table
            .delete(now, B, Protocol::Tcp, port(8080))
            .unwrap()
            .is_some()
    );
    assert_eq!(table.live(now).count(), 0);
}

#[test]
fn leases_are_granted_by_the_routers_rule() {
    let day = std::num::NonZeroU32::new(86_400).unwrap();
    for (rule, asked, granted) in [
        (Leases::AsAsked, 0, Ok(0)),
        (Leases::AsAsked, 30, Ok(30)),
        (Leases::AsAsked, u32::MAX, Ok(u32::MAX)),
        (Leases::Capped(day), 0, Ok(86_400)),
        (Leases::Capped(day), 30, Ok(30)),
        (Leases::Capped(day), 86_401, Ok(86_400)),
        (Leases::Fixed(day), 0, Ok(86_400)),
        (Leases::Fixed(day), 30, Ok(86_400)),
        (Leases::Fixed(day), u32::MAX, Ok(86_400)),
        (Leases::PermanentOnly, 0, Ok(0)),
        (Leases::PermanentOnly, 30, Err(725)),
        (Leases::NotBelow(day), 0, Ok(0)),
        (Leases::NotBelow(day), 86_400, Ok(86_400)),
        (Leases::NotBelow(day), 86_399, Err(402)),
    ] {
        let mut table = table(|quirks| quirks.leases = rule);
        let now = Instant::now();
        let seconds = table
            .add(now, A, mapping(A, 8080), asked)
            .map_err(Fault::code)
            .map(|_| {
                let entry = table.get(now, Protocol::Tcp, port(8080)).unwrap();
                table.seconds_left(entry, now)
            });
        assert_eq!(seconds, granted, "{rule:?}, asked {asked}");
    }
}

#[test]
fn a_full_table_refuses_or_lies_and_still_renews() {
    let now = Instant::now();
    for when_full in [WhenFull::Refuse, WhenFull::SayOk] {
        let mut table = table(|quirks| {
            quirks.table_limit = 1;
            quirks.when_full = when_full;
        });
        table.add(now, A, mapping(A, 8080), 30).unwrap();
        let answer = table.add(now, B, mapping(B, 8081), 30);
        match when_full {
            WhenFull::Refuse => assert_eq!(answer, Err(Fault::TableFull)),
            WhenFull::SayOk => assert_eq!(answer, Ok(AddOutcome::NotStored)),
        }
        assert!(table.get(now, Protocol::Tcp, port(8081)).is_none());
        assert!(matches!(
            table.add(now, A, mapping(A, 8080), 30),
            Ok(AddOutcome::Renewed(_))
        ));
        // The end of a lease makes room.
        assert!(matches!(
            table.add(after(now, 30), B, mapping(B, 8081), 30),
            Ok(AddOutcome::Added(_))
        ));
    }
}

#[test]
fn an_overwriting_router_says_ok_and_the_first_is_gone() {
    let mut table = table(|quirks| {
        quirks.conflict = Conflict::Overwrite;
        quirks.access = Access::Secure;
    });
    let now = Instant::now();
    table.add(now, A, mapping(A, 8080), 30).unwrap();
    let Ok(AddOutcome::Replaced { old, new }) = table.add(now, B, mapping(B, 8080), 30) else {
        panic!("not replaced");
    };
    assert_eq!((old.mapping.client, new.mapping.client), (A, B));
    assert_eq!(
        table
            .live(now)
            .map(|e| e.mapping.client)
            .collect::<Vec<_>>(),
        [B]
    );
}

#[test]
fn a_delete_where_nothing_is_mapped_is_refused_or_said_to_be_ok() {
    let now = Instant::now();
    let mut honest = table(|_| ());
    assert_eq!(
        honest.delete(now, A, Protocol::Tcp, port(8080)),
        Err(Fault::NoSuchEntry)
    );
    let mut liar = table(|quirks| quirks.delete_missing = DeleteMissing::SayOk);
    assert_eq!(liar.delete(now, A, Protocol::Tcp, port(8080)), Ok(None));
}

#[test]
fn the_next_expiry_is_the_earliest_and_permanent_ones_have_none() {
    let mut table = table(|quirks| quirks.leases = Leases::AsAsked);
    let t0 = Instant::now();
    table.add(t0, A, mapping(A, 8080), 0).unwrap();
    assert_eq!(table.next_expiry(), None);
    table.add(t0, A, mapping(A, 8081), 60).unwrap();
    table.add(t0, A, mapping(A, 8082), 30).unwrap();
    assert_eq!(table.next_expiry(), Some(after(t0, 30)));
    let gone = table.expire(after(t0, 30));
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].mapping.external_port, port(8082));
    assert_eq!(table.next_expiry(), Some(after(t0, 60)));
}

#[test]
fn a_fast_clock_ends_a_lease_early_and_shows_seconds_of_its_own() {
    let quirks = Quirks {
        lease_clock: LeaseClock {
            fast_per_mille: 100,
            ticks: Ticks::Continuous,
        },
        ..Quirks::igd2()
    };
    let start = Duration::from_millis(1_500);
    let mut table = Table::new(quirks, Duration::ZERO);
    table.add(start, A, mapping(A, 8080), 30).unwrap();
    let entry = table.get(start, Protocol::Tcp, port(8080)).unwrap();
    assert_eq!(entry.lease_end, Some(Duration::from_millis(28_500)));
    assert_eq!(table.seconds_left(entry, start), 30);
    assert_eq!(table.seconds_left(entry, Duration::from_millis(28_499)), 1);
}

#[test]
fn a_clock_that_counts_whole_seconds_ends_a_lease_up_to_one_second_early() {
    let quirks = Quirks {
        lease_clock: LeaseClock {
            fast_per_mille: 0,
            ticks: Ticks::WholeSeconds,
        },
        ..Quirks::igd2()
    };
    let mut table = Table::new(quirks, Duration::ZERO);
    let start = Duration::from_millis(1_999);
    table.add(start, A, mapping(A, 8080), 30).unwrap();
    let entry = table.get(start, Protocol::Tcp, port(8080)).unwrap();
    assert_eq!(entry.lease_end, Some(Duration::from_secs(31)));
}

#[test]
fn a_hidden_entry_is_shown_to_its_own_host_only() {
    let mut table = table(|quirks| quirks.visibility = Visibility::OwnOnly);
    let now = Instant::now();
    table.add(now, A, mapping(A, 8080), 30).unwrap();
    let read = |by| {
        let entry = table.read(now, by, Protocol::Tcp, port(8080));
        entry.map(|entry| entry.mapping.client)
    };
    assert_eq!(read(A), Ok(A));
    assert_eq!(read(B), Err(Fault::NotAuthorized));
}

#[test]
fn descriptions_are_stored_as_the_router_likes() {
    for (rule, stored) in [
        (Descriptions::AsAsked, "second"),
        (Descriptions::FirstStays, "first"),
        (Descriptions::Cut(3), "sec"),
        (Descriptions::Fixed("own"), "own"),
    ] {
        let mut table = table(|quirks| quirks.descriptions = rule);
        let now = Instant::now();
        for description in ["first", "second"] {
            let mapping = Mapping {
                description: description.to_owned(),
                ..mapping(A, 8080)
            };
            table.add(now, A, mapping, 30).unwrap();
        }
        let entry = table.get(now, Protocol::Tcp, port(8080)).unwrap();
        assert_eq!(entry.mapping.description, stored);
    }
}

/// One thing that happens to the table; hosts and ports are few so that they meet.
#[derive(Clone, Debug)]
enum Step {
    Add {
        by: Ipv4Addr,
        to: Ipv4Addr,
        port: u16,
        lease: u32,
    },
    Delete {
        by: Ipv4Addr,
        port: u16,
    },
    Expire,
    Wait(u64),
}

fn host() -> impl Strategy<Value = Ipv4Addr> {
    (11_u8..15).prop_map(|last| Ipv4Addr::new(192, 168, 77, last))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (host(), host(), 1_u16..5, prop_oneof![Just(0_u32), 1_u32..20])
            .prop_map(|(by, to, port, lease)| Step::Add { by, to, port, lease }),
        2 => (host(), 1_u16..5).prop_map(|(by, port)| Step::Delete { by, port }),
        1 => Just(Step::Expire),
        2 => (0_u64..15).prop_map(Step::Wait),
    ]
}

fn quirks() -> impl Strategy<Value = Quirks> {
    (
        prop_oneof![Just(Access::Open), Just(Access::Secure)],
        prop_oneof![Just(Leases::AsAsked), Just(Quirks::igd2().leases)],
        prop_oneof![Just(Conflict::Refuse), Just(Conflict::Overwrite)],
        1_usize..5,
    )
        .prop_map(|(access, leases, conflict, table_limit)| Quirks {
            access,
            leases,
            conflict,
            table_limit,
            ..Quirks::igd2()
        })
}

/// What a plain reading of the rules says is mapped: port → (client, end of the lease).
type Model = HashMap<u16, (Ipv4Addr, Option<Instant>)>;

fn listed(table: &Table, now: Instant) -> Vec<(u16, Ipv4Addr, Option<Instant>)> {
    table
        .live(now)
        .map(|entry| {
            (
                entry.mapping.external_port.get(),
                entry.mapping.client,
                entry.lease_end,
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn the_table_has_one_holder_a_port_and_lists_exactly_the_leases_that_run(
        quirks in quirks(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut table = Table::new(quirks, Instant::now());
        let mut model = Model::new();
        let mut now = Instant::now();
        for step in steps {
            match step {
                Step::Add { by, to, port, lease } => {
                    let end = match (quirks.leases, u64::from(lease)) {
                        (Leases::AsAsked, 0) => None,
                        (_, 0) => Some(after(now, 604_800)),
                        (_, lease) => Some(after(now, lease)),
                    };
                    if table.add(now, by, mapping(to, port), lease).is_ok() {
                        model.insert(port, (to, end));
                    }
                }
                Step::Delete { by, port: number } => {
                    if table.delete(now, by, Protocol::Tcp, port(number)).is_ok() {
                        model.remove(&number);
                    }
                }
                Step::Expire => { table.expire(now); }
                Step::Wait(seconds) => now = after(now, seconds),
            }
            model.retain(|_, (_, end)| end.is_none_or(|end| now < end));
            let rows = listed(&table, now);
            let ports: HashSet<u16> = rows.iter().map(|row| row.0).collect();
            prop_assert_eq!(ports.len(), rows.len(), "two holders of one port: {:?}", rows);
            let rows: Model = rows
                .into_iter()
                .map(|(port, client, end)| (port, (client, end)))
                .collect();
            prop_assert_eq!(&rows, &model);
            prop_assert!(rows.len() <= quirks.table_limit);
        }
    }

    #[test]
    fn in_secure_mode_nothing_that_others_do_changes_a_hosts_mappings(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut table = table(|quirks| quirks.access = Access::Secure);
        let mut now = Instant::now();
        for step in steps {
            let before = listed(&table, now);
            let by = match step {
                Step::Add { by, to, port, lease } => {
                    let _ = table.add(now, by, mapping(to, port), lease);
                    Some(by)
                }
                Step::Delete { by, port: number } => {
                    let _ = table.delete(now, by, Protocol::Tcp, port(number));
                    Some(by)
                }
                Step::Expire => { table.expire(now); None }
                Step::Wait(seconds) => { now = after(now, seconds); continue }
            };
            let of_others = |rows: Vec<(u16, Ipv4Addr, Option<Instant>)>| {
                rows.into_iter().filter(|row| Some(row.1) != by).collect::<Vec<_>>()
            };
            prop_assert_eq!(of_others(before), of_others(listed(&table, now)));
        }
    }

    #[test]
    fn where_conflicts_are_refused_a_holder_keeps_its_port_until_deleted_or_expired(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut table = table(|_| ());
        let mut now = Instant::now();
        for step in steps {
            match step {
                Step::Add { by, to, port: number, lease } => {
                    let held = table.get(now, Protocol::Tcp, port(number));
                    let holder = held.map(|entry| entry.mapping.client);
                    let answer = table.add(now, by, mapping(to, number), lease);
                    if let Some(holder) = holder {
                        prop_assert_eq!(answer.is_ok(), holder == to);
                        let held = table.get(now, Protocol::Tcp, port(number));
                        prop_assert_eq!(held.map(|entry| entry.mapping.client), Some(holder));
                    }
                }
                Step::Delete { by, port: number } => {
                    let held = table.get(now, Protocol::Tcp, port(number)).is_some();
                    let deleted = table.delete(now, by, Protocol::Tcp, port(number));
                    prop_assert_eq!(deleted.is_ok(), held);
                }
                Step::Expire => { table.expire(now); }
                Step::Wait(seconds) => now = after(now, seconds),
            }
        }
    }
}

//! The walk against tables that end oddly, repeat, and move while being read.

use proptest::prelude::*;

use super::*;

fn entry(port: u16) -> MappingEntry {
    MappingEntry {
        external: ExternalPort::new(port).unwrap(),
        protocol: Protocol::Tcp,
        client: "192.168.77.11".into(),
        internal: None,
        lease_seconds: None,
        enabled: true,
        description: String::new(),
        remote_host: String::new(),
    }
}

/// What a router answers for an index.
type Answer = Result<MappingEntry, u16>;

/// Walk over a router whose answers may depend on how many requests it has had; gives the table and
/// that number.
fn walk(mut router: impl FnMut(usize, usize) -> Answer) -> (Table, usize) {
    let mut walk = IndexWalk::default();
    let mut requests = 0;
    while let Some(index) = walk.next_index() {
        match router(index as usize, requests) {
            Ok(entry) => walk.entry(entry),
            Err(code) => walk.refused(code).unwrap(),
        }
        requests += 1;
        assert!(requests <= 2 * MAX_ENTRIES + 1, "the walk has no end");
    }
    (walk.table(), requests)
}

fn ports(table: &Table) -> Vec<u16> {
    table
        .entries
        .iter()
        .map(|entry| entry.external.get())
        .collect()
}

fn at(table: &[u16], index: usize) -> Answer {
    table.get(index).map(|&port| entry(port)).ok_or(713)
}

#[test]
fn any_code_ends_the_list() {
    for code in [713, 714, 402, 501, 0, 500] {
        let (table, _) = walk(|index, _| at(&[1, 2, 3], index).map_err(|_| code));
        assert_eq!(ports(&table), [1, 2, 3], "{code}");
        assert_eq!(table.extent, Extent::Whole, "{code}");
    }
}

#[test]
fn an_empty_table_is_whole() {
    let (table, requests) = walk(|_, _| Err(713));
    assert_eq!(
        (ports(&table), table.extent, requests),
        (vec![], Extent::Whole, 1)
    );
}

#[test]
fn a_router_that_does_not_show_its_table_is_not_an_empty_one() {
    for code in [401, 602, 606] {
        assert_eq!(
            IndexWalk::default().refused(code),
            Err(NotOffered),
            "{code}"
        );
    }
}

#[test]
fn an_entry_that_is_not_for_our_eyes_leaves_the_table_partial() {
    let (table, _) = walk(|index, _| at(&[1, 2], index).map_err(|_| 606));
    assert_eq!((ports(&table), table.extent), (vec![1, 2], Extent::Partial));
}

#[test]
fn a_router_that_repeats_its_last_entry_for_ever_ends_there() {
    let (table, requests) = walk(|index, _| Ok(entry([1, 2, 3][index.min(2)])));
    assert_eq!(
        (ports(&table), table.extent),
        (vec![1, 2, 3], Extent::Whole)
    );
    assert!(requests <= 6, "{requests}");
}

#[test]
fn a_router_that_starts_over_ends_too() {
    let (table, requests) = walk(|index, _| Ok(entry([1, 2, 3][index % 3])));
    assert_eq!(ports(&table), [1, 2, 3]);
    assert!(requests <= 10, "{requests}");
}

#[test]
fn an_entry_that_comes_in_front_while_reading_is_found() {
    let (table, _) = walk(|index, requests| {
        if requests < 2 {
            at(&[1, 2, 3], index)
        } else {
            at(&[9, 1, 2, 3], index)
        }
    });
    assert_eq!(
        (ports(&table), table.extent),
        (vec![9, 1, 2, 3], Extent::Whole)
    );
}

#[test]
fn an_entry_that_leaves_from_the_front_while_reading_hides_no_other() {
    let (table, _) = walk(|index, requests| {
        if requests < 2 {
            at(&[1, 2, 3, 4], index)
        } else {
            at(&[2, 3, 4], index)
        }
    });
    assert_eq!(
        (ports(&table), table.extent),
        (vec![2, 3, 4], Extent::Whole)
    );
}

#[test]
fn a_table_that_never_stands_still_is_partial() {
    // With each second request another entry comes in front.
    let (table, _) = walk(|index, requests| {
        let newest = 5 + requests / 2;
        let at = newest
            .checked_sub(index)
            .filter(|&port| port > 0)
            .ok_or(713u16)?;
        Ok(entry(at as u16))
    });
    assert_eq!(table.extent, Extent::Partial);
}

#[test]
fn one_unreadable_entry_is_skipped_and_two_in_a_row_end_the_walk() {
    let mut walk = IndexWalk::default();
    walk.entry(entry(1));
    walk.unreadable();
    walk.entry(entry(3));
    assert_eq!(walk.next_index(), Some(3));
    walk.unreadable();
    walk.unreadable();
    assert_eq!(walk.next_index(), None);
    let table = walk.table();
    assert_eq!((ports(&table), table.extent), (vec![1, 3], Extent::Partial));
}

#[test]
fn a_table_without_end_stops_at_the_limit() {
    let (table, requests) = walk(|index, _| Ok(entry(index as u16 + 1)));
    assert_eq!(table.entries.len(), MAX_ENTRIES);
    assert_eq!((table.extent, requests), (Extent::Partial, MAX_ENTRIES));
}

#[test]
fn a_walk_that_is_stopped_keeps_what_it_has() {
    let mut walk = IndexWalk::default();
    walk.entry(entry(1));
    walk.stop();
    assert_eq!(walk.next_index(), None);
    let table = walk.table();
    assert_eq!((ports(&table), table.extent), (vec![1], Extent::Partial));
}

#[test]
fn a_list_is_merged_by_protocol_and_port_and_the_later_entry_counts() {
    let later = MappingEntry {
        client: "192.168.77.12".into(),
        ..entry(1)
    };
    let udp = MappingEntry {
        protocol: Protocol::Udp,
        ..entry(1)
    };
    let table = Table::from(Listing {
        entries: vec![entry(1), entry(2), udp.clone(), later.clone()],
        damage: None,
    });
    assert_eq!(table.entries, [later.clone(), entry(2), udp]);
    assert_eq!(table.tcp(ExternalPort::new(1).unwrap()), Some(&later));
    assert_eq!(table.extent, Extent::Whole);
}

#[test]
fn a_list_that_is_damaged_or_full_is_partial() {
    let damaged = Listing {
        entries: vec![entry(1)],
        damage: Some("it breaks off".into()),
    };
    assert_eq!(Table::from(damaged).extent, Extent::Partial);
    let full = Listing {
        entries: (1..=300).map(entry).collect(),
        damage: None,
    };
    let table = Table::from(full);
    assert_eq!(
        (table.entries.len(), table.extent),
        (MAX_ENTRIES, Extent::Partial)
    );
}

proptest! {
    /// However the router behaves, the walk ends, within its limits, with no key twice.
    #[test]
    fn no_router_makes_the_walk_endless_or_the_table_long(
        answers in proptest::collection::vec(
            prop_oneof![
                6 => (1u16..40).prop_map(|port| Some(Ok(port))),
                1 => prop::sample::select(vec![713, 501, 606]).prop_map(|code| Some(Err(code))),
                1 => Just(None),
            ],
            1..64,
        ),
    ) {
        let mut walk = IndexWalk::default();
        let mut requests = 0;
        while let Some(_index) = walk.next_index() {
            match &answers[requests % answers.len()] {
                Some(Ok(port)) => walk.entry(entry(*port)),
                Some(Err(code)) => if walk.refused(*code).is_err() { walk.stop() },
                None => walk.unreadable(),
            }
            requests += 1;
            prop_assert!(requests <= 2 * MAX_ENTRIES + 1);
        }
        let table = walk.table();
        prop_assert!(table.entries.len() <= MAX_ENTRIES);
        let mut keys: Vec<_> = table.entries.iter().map(key).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), table.entries.len());
    }

    /// A table that stands still is read exactly, in order, whole.
    #[test]
    fn a_table_that_stands_still_is_read_exactly(
        table in proptest::collection::hash_set(1u16.., 0..100)
            .prop_map(|set| set.into_iter().collect::<Vec<_>>()),
    ) {
        let (read, requests) = walk(|index, _| at(&table, index));
        prop_assert_eq!(ports(&read), table.clone());
        prop_assert_eq!(read.extent, Extent::Whole);
        prop_assert!(requests <= table.len() + 2);
    }
}

//! The quirks of the table by their names: each does what its line says.

use super::*;
use crate::named;

/// An empty table of a router with this quirk.
fn with(name: &str) -> Table {
    let quirk = named::find(name).unwrap();
    table(|quirks| (quirk.set)(quirks))
}

/// What is granted to A for 8080, in seconds, or the code that it is refused with.
fn granted(table: &Table, lease: u32) -> Result<u32, u16> {
    let lease = table.check_add(Instant::now(), A, &mapping(A, 8080), lease);
    lease
        .map(|lease| lease.map_or(0, NonZeroU32::get))
        .map_err(Fault::code)
}

#[test]
fn leases() {
    for (name, asked, answer) in [
        ("igd1", 0, Ok(0)),
        ("lease-as-asked", 0, Ok(0)),
        ("lease-as-asked", 1_000_000, Ok(1_000_000)),
        ("lease-day", 0, Ok(86_400)),
        ("lease-day", 30, Ok(86_400)),
        ("lease-hour-at-least", 30, Ok(3_600)),
        ("lease-short-402", 30, Err(402)),
        ("lease-short-402", 3_600, Ok(3_600)),
        ("lease-finite-402", 604_800, Err(402)),
        ("lease-finite-402", 0, Ok(0)),
        ("lease-permanent-only", 30, Err(725)),
        ("lease-permanent-only", 0, Ok(0)),
        // Not a quirk, but the standard's own: a week is the longest.
        ("no-list", 0, Ok(604_800)),
        ("no-list", 604_801, Ok(604_800)),
    ] {
        assert_eq!(granted(&with(name), asked), answer, "{name} {asked}");
    }
    for (name, asked, at_the_latest) in [
        ("lease-clock-fast", 100, Duration::from_secs(90)),
        ("lease-clock-seconds", 30, Duration::from_secs(30)),
    ] {
        let quirk = named::find(name).unwrap();
        let mut quirks = Quirks::igd2();
        (quirk.set)(&mut quirks);
        let mut table = Table::new(quirks, Duration::ZERO);
        let begins = Duration::from_millis(500);
        table.add(begins, A, mapping(A, 8080), asked).unwrap();
        let ended = if name == "lease-clock-fast" {
            begins + at_the_latest
        } else {
            at_the_latest
        };
        let just_before = ended.checked_sub(Duration::from_millis(1)).unwrap();
        let holds = |now| table.get(now, Protocol::Tcp, port(8080)).is_some();
        assert_eq!((holds(just_before), holds(ended)), (true, false), "{name}");
    }
}

#[test]
fn refusals() {
    let now = Instant::now();
    for (name, client, external, code) in [
        ("secure", B, 8080, Err(718)),
        ("add-for-other-606", B, 8080, Err(606)),
        ("reserved-8081", A, 8081, Err(718)),
        ("reserved-8081", A, 8080, Ok(())),
        ("reserved-representative-port", A, 8080, Err(718)),
        ("reserved-representative-port", A, 8081, Ok(())),
    ] {
        let answer = with(name).add(now, A, mapping(client, external), 30);
        let answer = answer.map(|_| ()).map_err(Fault::code);
        assert_eq!(answer, code, "{name}");
    }
    for (name, external, code) in [
        ("one-per-inner-port", 8081, Err(718)),
        ("one-per-inner-port", 8080, Ok(())),
        ("renewal-refused", 8080, Err(718)),
        ("renewal-keeps-end", 8080, Ok(())),
    ] {
        let mut table = with(name);
        table.add(now, A, mapping(A, 8080), 30).unwrap();
        let answer = table.add(after(now, 10), A, mapping(A, external), 30);
        let answer = answer.map(|_| ()).map_err(Fault::code);
        assert_eq!(answer, code, "{name}");
        let entry = table.get(now, Protocol::Tcp, port(8080)).unwrap();
        let extended = table.seconds_left(entry, now) == 40;
        assert_eq!(extended, name == "one-per-inner-port" && code.is_ok());
    }
}

#[test]
fn where_a_mapping_leads() {
    let now = Instant::now();
    for (name, client, internal) in [
        ("igd1", A, 8080),
        ("port-for-port", A, 8081),
        ("client-repeater", Ipv4Addr::new(192, 168, 0, 2), 8080),
    ] {
        let mut table = with(name);
        table.add(now, A, mapping(A, 8081), 30).unwrap();
        let entry = table.get(now, Protocol::Tcp, port(8081)).unwrap();
        let target = SocketAddrV4::new(client, internal);
        assert_eq!(entry.mapping.target(), target, "{name}");
    }
}

#[test]
fn deletes_reads_and_conflicts() {
    let now = Instant::now();
    let held = |name| {
        let mut table = with(name);
        table.add(now, A, mapping(A, 8080), 30).unwrap();
        table
    };
    let by_b = |name, number| {
        let mut table = held(name);
        let deleted = table.delete(now, B, Protocol::Tcp, port(number));
        deleted.map(|_| ()).map_err(Fault::code)
    };
    assert_eq!(by_b("secure", 8080), Err(606));
    assert_eq!(by_b("delete-of-other-714", 8080), Err(714));
    assert_eq!(by_b("delete-says-ok", 8081), Ok(()));
    let hidden = held("hidden-entries");
    let read = hidden.read(now, B, Protocol::Tcp, port(8080));
    assert_eq!(read, Err(Fault::NotAuthorized));
    let taken = held("overwrite").add(now, B, mapping(B, 8080), 30);
    assert!(matches!(taken, Ok(AddOutcome::Replaced { .. })));
}

#[test]
fn room() {
    let now = Instant::now();
    for (name, room, past) in [
        ("table-32", 32, Err(Fault::TableFull)),
        ("table-32-says-ok", 32, Ok(AddOutcome::NotStored)),
        ("table-says-ok", 0, Ok(AddOutcome::NotStored)),
    ] {
        let mut table = with(name);
        for number in 0..room {
            let added = table.add(now, A, mapping(A, 8080 + number), 30);
            assert!(matches!(added, Ok(AddOutcome::Added(_))), "{name}");
        }
        assert_eq!(table.add(now, A, mapping(A, 9000), 30), past, "{name}");
        assert_eq!(table.live(now).count(), usize::from(room));
    }
}

#[test]
fn descriptions() {
    let now = Instant::now();
    for (name, stored) in [
        ("description-first-stays", "Porthole test"),
        ("description-cut", "Another on"),
        ("description-fixed", "UPnP"),
    ] {
        let mut table = with(name);
        table.add(now, A, mapping(A, 8080), 30).unwrap();
        let renewed = Mapping {
            description: "Another one".to_owned(),
            ..mapping(A, 8080)
        };
        table.add(now, A, renewed, 30).unwrap();
        let entry = table.get(now, Protocol::Tcp, port(8080)).unwrap();
        assert_eq!(entry.mapping.description, stored, "{name}");
    }
}

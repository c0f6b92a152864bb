//! Habits that mislead a host which believes what it reads, or that refuse it without a sign.

use super::*;
use crate::quirks::{
    ClientText, EntryForm, ListEnd, Order, PerInner, Renewal, ReservedPorts, Residents, Shown,
    Specific,
};

fn inner(mapping: Mapping, port: u16) -> Mapping {
    Mapping {
        internal_port: InternalPort::new(port).unwrap(),
        ..mapping
    }
}

#[test]
fn what_is_there_is_shown_only_in_the_ways_that_the_router_has() {
    let now = Instant::now();
    for (shown, specific, rows) in [
        (Shown::All, true, 1),
        (Shown::Nothing, false, 0),
        (Shown::ListOnly, false, 1),
        (Shown::SpecificOnly, true, 0),
    ] {
        let mut table = table(|quirks| quirks.shown = shown);
        table.add(now, A, mapping(A, 8080), 30).unwrap();
        for asks in [A, B] {
            let read = table.read(now, asks, Protocol::Tcp, port(8080));
            let answer = read.map(|entry| entry.mapping.client);
            let expected = if specific {
                Ok(A)
            } else {
                Err(Fault::NoSuchEntry)
            };
            assert_eq!(answer, expected, "{shown:?}");
        }
        assert_eq!(table.listed(now).count(), rows, "{shown:?}");
        // It is there all the same: for its owner's eyes, and against another host.
        assert!(table.get(now, Protocol::Tcp, port(8080)).is_some());
        assert_eq!(table.live(now).count(), 1);
        let refused = table.add(now, B, mapping(B, 8080), 30);
        assert_eq!(refused, Err(Fault::Conflict), "{shown:?}");
        assert!(table.delete(now, A, Protocol::Tcp, port(8080)).is_ok());
    }
}

#[test]
fn a_client_is_named_in_the_routers_way() {
    for (text, expected) in [
        (ClientText::Address, "192.168.77.12"),
        (ClientText::HostName, "cam-12"),
        (ClientText::Mac, "02:00:c0:a8:4d:0c"),
        (ClientText::Empty, ""),
    ] {
        let quirks = Quirks {
            client_text: text,
            ..Quirks::igd2()
        };
        assert_eq!(quirks.client_text_of(B), expected);
    }
}

#[test]
fn a_second_port_to_the_same_inner_port_is_refused_while_the_first_lives() {
    let t0 = Instant::now();
    let mut table = table(|quirks| quirks.per_inner = PerInner::One);
    table.add(t0, A, mapping(A, 8081), 30).unwrap();
    let second = table.add(t0, A, mapping(A, 8080), 30);
    assert_eq!(second, Err(Fault::Conflict));
    assert_eq!(table.live(t0).count(), 1);
    // A renewal, another inner port, another client and another protocol are no second one.
    assert!(table.add(t0, A, mapping(A, 8081), 30).is_ok());
    let other_port = inner(mapping(A, 8082), 8443);
    assert!(table.add(t0, A, other_port, 30).is_ok());
    assert!(table.add(t0, B, mapping(B, 8083), 30).is_ok());
    let udp = Mapping {
        protocol: Protocol::Udp,
        ..mapping(A, 8080)
    };
    assert!(table.add(t0, A, udp, 30).is_ok());

    let ended = after(t0, 30);
    assert!(table.add(ended, A, mapping(A, 8080), 30).is_ok());
}

#[test]
fn a_reserved_port_is_refused_to_everybody_though_nothing_is_there() {
    let now = Instant::now();
    for (fault, code) in [
        (Fault::Conflict, 718),
        (Fault::OtherMechanism, 729),
        (Fault::ActionFailed, 501),
        (Fault::NotAuthorized, 606),
    ] {
        let reserved = ReservedPorts::new([port(8081), port(9000)]).refused_with(fault);
        let mut table = table(|quirks| quirks.reserved = Some(reserved));
        for (client, number) in [(A, 8081), (B, 8081), (A, 9000)] {
            let refused = table.add(now, client, mapping(client, number), 30);
            assert_eq!(refused.unwrap_err().code(), code);
            let read = table.read(now, client, Protocol::Tcp, port(number));
            assert_eq!(read, Err(Fault::NoSuchEntry));
        }
        assert_eq!(table.live(now).count(), 0);
        assert!(table.add(now, A, mapping(A, 8080), 30).is_ok());
    }
}

#[test]
fn no_more_ports_are_reserved_than_there_is_room_for() {
    let wanted = [1, 2, 2, 3, 4, 5].map(port);
    let reserved = ReservedPorts::new(wanted);
    let kept: Vec<_> = reserved.ports().map(ExternalPort::get).collect();
    assert_eq!(kept, [1, 2, 3, 4]);
    assert_eq!(reserved.refusal(port(4)), Some(Fault::Conflict));
    assert_eq!(reserved.refusal(port(5)), None);
}

#[test]
fn a_renewal_that_is_answered_ok_can_leave_the_end_of_the_lease() {
    let t0 = Instant::now();
    let mut table = table(|quirks| quirks.renewal = Renewal::KeepsEnd);
    table.add(t0, A, mapping(A, 8080), 30).unwrap();
    let renewed = table.add(after(t0, 20), A, mapping(A, 8080), 30);
    assert!(matches!(renewed, Ok(AddOutcome::Renewed(_))));
    let entry = table.get(after(t0, 20), Protocol::Tcp, port(8080)).unwrap();
    assert_eq!(table.seconds_left(entry, after(t0, 20)), 10);

    let ended = after(t0, 30);
    assert_eq!(table.get(ended, Protocol::Tcp, port(8080)), None);
    let anew = table.add(ended, A, mapping(A, 8080), 30);
    assert!(matches!(anew, Ok(AddOutcome::Added(_))));
    let entry = table.get(ended, Protocol::Tcp, port(8080)).unwrap();
    assert_eq!(table.seconds_left(entry, ended), 30);
}

#[test]
fn a_renewal_that_is_refused_leaves_the_mapping_until_its_end() {
    let t0 = Instant::now();
    let mut table = table(|quirks| quirks.renewal = Renewal::Refused);
    table.add(t0, A, mapping(A, 8080), 30).unwrap();
    let refused = table.add(after(t0, 29), A, mapping(A, 8080), 30);
    assert_eq!(refused, Err(Fault::Conflict));
    let entry = table.get(after(t0, 29), Protocol::Tcp, port(8080)).unwrap();
    assert_eq!(table.seconds_left(entry, after(t0, 29)), 1);
    assert!(table.add(after(t0, 30), A, mapping(A, 8080), 30).is_ok());
}

#[test]
fn rows_come_in_the_routers_order_and_end_as_it_likes() {
    let now = Instant::now();
    for (order, numbers) in [
        (Order::OldestFirst, [8080, 8081]),
        (Order::NewestFirst, [8081, 8080]),
    ] {
        for (list_end, past) in [
            (ListEnd::Fault(Fault::InvalidArgs), Err(402)),
            (ListEnd::Fault(Fault::ActionFailed), Err(501)),
            (ListEnd::RepeatsLast, Ok(numbers[1])),
        ] {
            let mut table = table(|quirks| {
                quirks.order = order;
                quirks.list_end = list_end;
            });
            assert!(table.read_index(now, 0).is_err(), "it is empty");
            table.add(now, A, mapping(A, 8080), 30).unwrap();
            table.add(now, A, mapping(A, 8081), 30).unwrap();
            let row = |index| {
                let row = table.read_index(now, index);
                row.map(|entry| entry.mapping.external_port.get())
                    .map_err(Fault::code)
            };
            assert_eq!([row(0), row(1)], numbers.map(Ok));
            assert_eq!((row(2), row(1000)), (past, past));
        }
    }
}

#[test]
fn a_router_that_cannot_be_asked_for_one_mapping_says_401() {
    let now = Instant::now();
    let mut table = table(|quirks| quirks.specific = Specific::Missing);
    table.add(now, A, mapping(A, 8080), 30).unwrap();
    for number in [8080, 8081] {
        let refused = table.read(now, A, Protocol::Tcp, port(number));
        assert_eq!(refused, Err(Fault::InvalidAction));
    }
    assert_eq!(table.listed(now).count(), 1);
}

#[test]
fn residents_are_there_first_and_written_down_in_their_own_way() {
    let now = Instant::now();
    let mut table = table(|quirks| quirks.residents = Residents::Odd);
    table.add(now, A, mapping(A, 8080), 30).unwrap();
    let forms: Vec<_> = table.listed(now).map(|entry| table.form(entry)).collect();
    let sloppy = EntryForm::Sloppy;
    assert_eq!(forms, [sloppy, sloppy, EntryForm::Standard]);
    let first = table.read_index(now, 0).unwrap();
    assert_eq!(first.mapping.description.chars().count(), 300);
    assert_eq!(first.lease_end, None);
}

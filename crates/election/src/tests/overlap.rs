//! S1d: how a representative whose mapping was deleted while it lived comes to ask the router.

use super::*;

/// A representative of term 1, and when it took its place.
fn representative() -> Server {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    assert_eq!(server.state.role(Timestamp(0)), Role::Representative);
    server
}

fn peer() -> Peer {
    Peer {
        id: InstanceId(9),
        address: address(9),
    }
}

fn inquiry(term: Term) -> Event {
    Event::Heard {
        from: peer(),
        message: ElectionMessage::Inquiry {
            term,
            cause: Cause::MissedHeartbeats,
            held_ms: 0,
        },
    }
}

/// Lets time pass until it asks the router; when that is.
fn asks_at(server: &mut Server) -> Timestamp {
    let mut now = Timestamp(0);
    while server.asked.is_none() {
        now = server.wake.expect("it renews at the latest");
        server.tell(&Event::Tick, now);
    }
    now
}

/// A successor that has just had the mapping of term 2's representative deleted.
fn successor(mapping: StaleMapping) -> Server {
    let mut server = Server::new(0);
    server.tell(&inquiry(Term(2)), Timestamp(0));
    let detector = server.state.detector.take().expect("it follows");
    server.state.vacancy = Some(Vacancy {
        cause: Cause::MissedHeartbeats,
        previous: detector.id,
        address: Some(detector.address),
        term: detector.term,
        since: Timestamp(3_000),
        silent_until: None,
        lapses_at: None,
    });
    server.state.candidacy = Candidacy::Acquiring {
        round: 0,
        mapping,
        repeat_at: Timestamp(4_000),
    };
    server
}

fn warns(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| {
        matches!(
            effect,
            Effect::Say(Destination::One(to), ElectionMessage::Claim { .. }) if *to == address(9)
        )
    })
}

#[test]
fn s1d_a_holder_that_misses_anothers_reports_asks_the_router_and_not_for_ever() {
    let mut server = representative();
    let reported = Event::Reported {
        from: peer(),
        external: None,
        term: Term(1),
    };
    server.tell(&reported, Timestamp(0));
    let silence = Timestamp(0) + rules().silence();
    let first = asks_at(&mut server);
    assert!(first >= silence && first <= silence + BEAT, "{first:?}");
    let mut asked = 0;
    let mut now = first;
    while now < Timestamp(0) + LEASE {
        if server.asked.take().is_some() {
            asked += 1;
            let answer = Event::Secured {
                port: port(8080),
                sent_at: now,
                granted: Some(LEASE),
                before: PriorEntry::Ours,
                evidence: Evidence::ReadBack,
                renewal: Renewal::Extended,
            };
            server.tell(&answer, now);
        }
        now = server.wake.expect("it goes on");
        server.tell(&Event::Tick, now);
    }
    assert!(
        (4..=8).contains(&asked),
        "{asked} times in a lease, four of them renewals"
    );
}

#[test]
fn s1d_a_holder_that_hears_another_lead_asks_the_router_also_where_that_ones_term_is_lower() {
    for term in [1, 3, 5].map(Term) {
        let mut server = representative();
        server.state.term = Term(3);
        server.tell(&inquiry(term), Timestamp(0));
        let asked = asks_at(&mut server);
        assert!(asked <= Timestamp(0) + BEAT / 4, "{term:?}: {asked:?}");
    }
}

#[test]
fn s1d_who_is_heard_after_its_mapping_was_deleted_is_told_so() {
    let mut server = successor(StaleMapping::Deleted);
    let effects = server.tell(&inquiry(Term(2)), Timestamp(3_500));
    assert!(warns(&effects), "{effects:?}");
    assert_eq!(server.state.candidacy, Candidacy::None, "and it gives way");

    // The delete is under way when it is heard: told when it is done, and not before.
    let mut server = successor(StaleMapping::Deletable { from: address(9) });
    server.state.pending = Some(Request::Evict {
        port: port(8080),
        from: address(9),
    });
    let effects = server.tell(&inquiry(Term(2)), Timestamp(3_500));
    assert!(!warns(&effects), "{effects:?}");
    let effects = server.tell(&Event::Evicted(port(8080)), Timestamp(3_600));
    assert!(warns(&effects), "{effects:?}");
}

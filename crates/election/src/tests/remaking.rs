//! Routers that do not extend a lease: the mapping is made anew, late, and by the one that has it.

use porthole_sim_router::Renewal as RouterRenewal;

use super::*;

fn not_extending(renewal: RouterRenewal) -> FakeRouter {
    let mut fake_router = FakeRouter::default();
    fake_router.change(|quirks| quirks.renewal = renewal);
    fake_router
}

/// A representative on a router that does not extend leases, at the moment at which it asks for the
/// first time to have its mapping made anew; with its leadership before it asked.
fn remaking(renewal: RouterRenewal) -> (Server, FakeRouter, Timestamp, Leadership) {
    let mut fake_router = not_extending(renewal);
    let mut server = Server::new(0);
    let mut now = Timestamp(0);
    server.tell(&Event::RouterFound, now);
    server.settle(&mut fake_router, now);
    for _ in 0..1_000 {
        now = server.wake.expect("it goes on");
        let before = server.state.leadership.expect("it leads");
        server.tell(&Event::Tick, now);
        if let Some(Request::Remake { .. }) = server.asked {
            return (server, fake_router, now, before);
        }
        server.settle(&mut fake_router, now);
    }
    panic!("it is never made anew: {:?}", server.state);
}

#[test]
fn two_renewals_that_change_nothing_show_that_leases_run_out() {
    for renewal in [RouterRenewal::KeepsEnd, RouterRenewal::Refused] {
        let mut fake_router = not_extending(renewal);
        let mut server = Server::new(0);
        server.tell(&Event::RouterFound, Timestamp(0));
        server.settle(&mut fake_router, Timestamp(0));
        let mut learned = vec![server.state.renewals];
        let mut now = Timestamp(0);
        while learned.len() < 3 {
            now = server.wake.expect("it renews");
            server.tell(&Event::Tick, now);
            let asks = server.asked;
            server.settle(&mut fake_router, now);
            if let Some(request) = asks {
                assert!(matches!(request, Request::Secure { .. }), "{request:?}");
                learned.push(server.state.renewals);
            }
        }
        let expected = [Renewals::Unproven, Renewals::Doubted, Renewals::RunOut];
        assert_eq!(learned, expected, "{renewal:?}");
        // One that is extended after all says more than any number that were not.
        fake_router.change(|quirks| quirks.renewal = RouterRenewal::Extends);
        server.run(&rules(), &mut fake_router, now, now + LEASE * 2);
        assert_eq!(server.state.renewals, Renewals::Extend);
    }
}

#[test]
fn the_mapping_is_made_anew_shortly_before_its_end_and_not_before() {
    for renewal in [RouterRenewal::KeepsEnd, RouterRenewal::Refused] {
        let (server, fake_router, now, before) = remaking(renewal);
        let left = before.deadline.after(now);
        assert!(left <= rules().remake_before(), "{left:?} left");
        assert!(now < before.deadline, "while it leads");
        let (holder, until) = fake_router.holder(port(8080), now).expect("it is there");
        assert_eq!(holder, 0);
        assert!(until > Some(now), "and its lease is not over");
        assert_eq!(server.state.renewals, Renewals::RunOut);
    }
}

#[test]
fn for_the_moment_between_the_representative_is_no_one_else_and_afterwards_the_same() {
    for renewal in [RouterRenewal::KeepsEnd, RouterRenewal::Refused] {
        let (mut server, mut fake_router, now, before) = remaking(renewal);
        let term = server.state.term;
        assert_ne!(server.state.role(now), Role::Representative);
        assert!(server.state.is_in_gap(now));
        assert_eq!(server.state.external_port(&rules(), now), Some(port(8080)));
        assert!(matches!(
            server.state.leader_view(now),
            LeaderView::ThisServer { .. }
        ));

        server.settle(&mut fake_router, now);
        assert_eq!(server.state.role(now), Role::Representative);
        assert!(!server.state.is_in_gap(now));
        let after = server.state.leadership.expect("it leads");
        assert_eq!((after.since, after.cause), (before.since, before.cause));
        assert_eq!(server.state.term, term);
        assert_eq!(server.state.last_gap, Some(Duration::ZERO));
        let (_, until) = fake_router.holder(port(8080), now).expect("it is there");
        assert_eq!(until, Some(now + LEASE), "a lease from now on");
        assert!(Some(after.deadline) < until);
    }
}

#[test]
fn another_that_was_quicker_in_the_gap_ends_the_leadership() {
    let (mut server, mut fake_router, now, _) = remaking(RouterRenewal::KeepsEnd);
    fake_router.hold(port(8080), 1, Some(now + LEASE));
    let request = server.asked.take().expect("to make it anew");
    let answer = fake_router.answer(0, request, now);
    assert!(matches!(answer, Event::Taken { .. }), "{answer:?}");
    let effects = server.tell(&answer, now);
    assert_eq!(server.state.leadership, None);
    let says = effects.iter().any(|effect| {
        matches!(
            effect,
            Effect::Say(Destination::Everybody, ElectionMessage::Withdrawal { .. })
        )
    });
    assert!(says, "{effects:?}");
    let (holder, _) = fake_router.holder(port(8080), now).expect("it is there");
    assert_eq!(holder, 1, "it is not fought over");
}

#[test]
fn where_the_table_is_full_by_then_the_leadership_passes_on() {
    let (mut server, _, now, _) = remaking(RouterRenewal::KeepsEnd);
    let request = server.asked.take().expect("to make it anew");
    assert!(server.state.is_in_gap(now));
    let effects = server.tell(&Event::NoRoom(request.port()), now);
    assert_eq!(
        server.state.leadership, None,
        "a successor may have a place"
    );
    let withdraws = |effect: &Effect| {
        matches!(
            effect,
            Effect::Say(Destination::Everybody, ElectionMessage::Withdrawal { .. })
        )
    };
    assert!(effects.iter().any(withdraws), "{effects:?}");
}

#[test]
fn a_gap_that_is_not_filled_ends_the_leadership_after_a_lease() {
    let (mut server, mut fake_router, began, _) = remaking(RouterRenewal::KeepsEnd);
    fake_router.free(port(8080));
    let mut now = began;
    let mut asked = Vec::new();
    while let Some(held) = server.state.leadership {
        assert!(now < began + LEASE, "{held:?}");
        assert_ne!(server.state.role(now), Role::Representative);
        if let Some(request) = server.asked.take() {
            asked.push(request);
            server.tell(&Event::Failed(request), now);
        } else {
            now = server.wake.expect("it goes on");
            server.tell(&Event::Tick, now);
        }
    }
    assert_eq!(now, began + LEASE);
    assert!(matches!(asked[0], Request::Remake { .. }), "{asked:?}");
    let again = |request: &Request| matches!(request, Request::Secure { .. });
    assert!(asked.len() > 1 && asked[1..].iter().all(again), "{asked:?}");
    assert_eq!(server.state.term, Term(1));
}

/// A Claim of another server: it makes the representative ask the router.
fn ask_now(server: &mut Server, fake_router: &mut FakeRouter, now: Timestamp) {
    let claim = Event::Heard {
        from: Peer {
            id: InstanceId(1),
            address: address(1),
        },
        message: ElectionMessage::Claim {
            term: Term(2),
            round: 0,
            stage: ClaimStage::Claiming,
            cause: Cause::MissedHeartbeats,
        },
    };
    server.tell(&claim, now);
    assert!(server.asked.is_some(), "{:?}", server.state.leadership);
    server.settle(fake_router, now);
}

#[test]
fn what_cannot_be_told_of_a_lease_moves_no_deadline_until_the_router_was_seen_to_extend() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    let deadline = |server: &Server| server.state.leadership.expect("it leads").deadline;
    let first = deadline(&server);
    let believed = first.after(Timestamp(0));
    // Within the second in which it was granted nothing can be seen.
    ask_now(&mut server, &mut fake_router, Timestamp(500));
    assert_eq!(deadline(&server), first);
    assert_eq!(server.state.renewals, Renewals::Unproven);
    ask_now(&mut server, &mut fake_router, Timestamp(2_000));
    assert_eq!(deadline(&server), Timestamp(2_000) + believed);
    assert_eq!(server.state.renewals, Renewals::ExtendedOnce);
    // Once is not enough: another may have deleted it, so that it was made anew.
    ask_now(&mut server, &mut fake_router, Timestamp(2_500));
    assert_eq!(deadline(&server), Timestamp(2_000) + believed);
    ask_now(&mut server, &mut fake_router, Timestamp(4_000));
    assert_eq!(server.state.renewals, Renewals::Extend);
    ask_now(&mut server, &mut fake_router, Timestamp(4_500));
    assert_eq!(deadline(&server), Timestamp(4_500) + believed);
}

#[test]
fn a_router_is_asked_no_more_often_because_its_leases_run_out() {
    const LEASES: u32 = 20;
    /// Four looks and one that makes it anew; and one of each may fail.
    const MOST: usize = 8;
    for renewal in [RouterRenewal::KeepsEnd, RouterRenewal::Refused] {
        let mut fake_router = not_extending(renewal);
        let mut server = Server::new(0);
        server.tell(&Event::RouterFound, Timestamp(0));
        let mut remade = 0;
        for lease in 0..LEASES {
            let (from, to) = (
                Timestamp(0) + LEASE * lease,
                Timestamp(0) + LEASE * (lease + 1),
            );
            let asked = server.run(&rules(), &mut fake_router, from, to);
            assert!(asked.len() <= MOST, "{renewal:?}: {asked:#?}");
            let anew =
                |(_, request): &&(Timestamp, Request)| matches!(request, Request::Remake { .. });
            remade += asked.iter().filter(anew).count();
            assert_eq!(server.state.role(to), Role::Representative);
            let (holder, until) = fake_router.holder(port(8080), to).expect("it is there");
            assert_eq!(holder, 0);
            let deadline = server.state.leadership.map(|held| held.deadline);
            assert!(deadline <= until, "S2: {deadline:?}, {until:?}");
        }
        assert!(remade >= LEASES as usize - 2, "{remade} times");
        assert_eq!(server.state.term, Term(1), "one leadership");
    }
}

#[test]
fn a_port_of_its_own_is_made_anew_too_and_kept() {
    for renewal in [RouterRenewal::KeepsEnd, RouterRenewal::Refused] {
        let mut fake_router = not_extending(renewal);
        fake_router.hold(port(8080), 9, None);
        let mut server = Server::new(0);
        server.tell(&Event::RouterFound, Timestamp(0));
        let hour = rules().lease;
        let to = Timestamp(0) + hour * 4;
        let asked = server.run(&rules(), &mut fake_router, Timestamp(0), to);
        let own = asked.iter().filter(|(_, it)| it.port() != port(8080));
        let own: Vec<_> = own.collect();
        let anew = |it: &&&(Timestamp, Request)| matches!(it.1, Request::Remake { .. });
        let remade = own.iter().filter(anew).count();
        assert!((3..=4).contains(&remade), "{own:#?}");
        assert!(own.len() <= 4 * 4, "{own:#?}");
        assert!(
            own.iter().all(|(_, it)| it.port() == port(8081)),
            "{own:#?}"
        );
        assert_eq!(server.state.role(to), Role::Member);
        assert_eq!(fake_router.holder(port(8081), to).map(|it| it.0), Some(0));
    }
}

#[test]
fn a_lost_answer_to_making_it_anew_is_no_end_where_renewals_are_refused() {
    let (mut server, mut fake_router, now, _) = remaking(RouterRenewal::Refused);
    let request = server.asked.take().expect("to make it anew");
    fake_router.answer(0, request, now); // done, and the answer is lost
    server.tell(&Event::Failed(request), now);
    let later = now + LEASE / 2;
    server.run(&rules(), &mut fake_router, now, later);
    assert_eq!(server.state.role(later), Role::Representative);
}

//! One rule, one story.

use super::*;

fn reported(term: Term) -> Event {
    Event::Reported {
        from: Peer {
            id: InstanceId(9),
            address: address(9),
        },
        external: None,
        term,
    }
}

#[test]
fn the_first_takes_the_representative_port_and_the_others_the_next_ones() {
    let mut fake_router = FakeRouter::default();
    let mut servers: Vec<Server> = (0..3).map(Server::new).collect();
    for server in &mut servers {
        server.tell(&Event::RouterFound, Timestamp(0));
        server.settle(&mut fake_router, Timestamp(0));
    }
    let ports: Vec<_> = servers
        .iter()
        .map(|s| s.state.external_port(&rules(), Timestamp(0)).unwrap().get())
        .collect();
    assert_eq!(ports, [8080, 8081, 8082]);
    assert_eq!(servers[0].state.role(Timestamp(0)), Role::Representative);
    assert_eq!(servers[0].state.term, Term(1));
    assert_eq!(servers[1].state.role(Timestamp(0)), Role::Member);
}

#[test]
fn s1_a_holder_whose_renewals_fail_stops_believing_before_its_lease_ends() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    let deadline = server.state.leadership.unwrap().deadline;
    assert!(deadline < Timestamp(0) + LEASE);
    assert_eq!(
        server.state.role(deadline - Duration::from_millis(1)),
        Role::Representative
    );
    assert_ne!(
        server.state.role(deadline),
        Role::Representative,
        "even if nobody called step"
    );
    server.tell(&Event::Tick, deadline);
    assert_eq!(server.state.leadership, None);
}

#[test]
fn s1_an_answer_that_comes_after_its_own_deadline_gives_no_leadership() {
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    assert!(server.asked.is_some());
    let previous = Timestamp(0) + LEASE;
    let answer = Event::Secured {
        port: port(8080),
        sent_at: Timestamp(0),
        granted: Some(LEASE),
        before: PriorEntry::Free,
        evidence: Evidence::ReadBack,
        renewal: Renewal::Extended,
    };
    server.tell(&answer, previous);
    assert_eq!(server.state.leadership, None);
}

#[test]
fn s3_one_failed_renewal_changes_nothing() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    let term = server.state.term;
    let due = server.state.leadership.unwrap().renew_at;
    server.tell(&Event::Tick, due);
    let request = server.asked.take().expect("a renewal is due");
    server.tell(&Event::Failed(request), due);
    assert_eq!(server.state.role(due), Role::Representative);
    let again = server.wake.unwrap();
    server.tell(&Event::Tick, again);
    server.settle(&mut fake_router, again);
    assert_eq!(server.state.role(again), Role::Representative);
    assert_eq!(server.state.term, term);
}

#[test]
fn s4_a_change_of_holder_raises_the_term_past_every_term_heard_of() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&reported(Term(6)), Timestamp(0));
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    assert_eq!(server.state.term, Term(7));
}

#[test]
fn s5_taking_up_ones_own_mapping_again_keeps_the_term() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    // kill -9 and a start within the lease: all that is left is the state file.
    let mut again = Server::new(0);
    again.state = State::new(server.state.term, None, Memory::WasRepresentative);
    let now = Timestamp(5_000);
    again.tell(&Event::RouterFound, now);
    again.settle(&mut fake_router, now);
    assert_eq!(again.state.role(now), Role::Representative);
    assert_eq!(again.state.term, server.state.term);
}

#[test]
fn the_state_file_alone_makes_nobody_representative() {
    let mut fake_router = FakeRouter::default();
    fake_router.hold(port(8080), 9, Some(Timestamp(60_000)));
    let mut server = Server::new(0);
    server.state = State::new(Term(3), None, Memory::WasRepresentative);
    assert_ne!(server.state.role(Timestamp(0)), Role::Representative);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    assert_eq!(server.state.role(Timestamp(0)), Role::Member);
    assert_eq!(server.state.term, Term(3));
}

#[test]
fn a_lost_mapping_is_not_fought_over() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    fake_router.hold(port(8080), 9, Some(Timestamp(600_000)));
    let due = server.state.leadership.unwrap().renew_at;
    server.tell(&Event::Tick, due);
    server.settle(&mut fake_router, due);
    assert_eq!(
        server.state.role(due),
        Role::Member,
        "it has taken a port of the range instead"
    );
    assert_eq!(fake_router.holder(port(8080), due).unwrap().0, 9);
}

#[test]
fn a_new_representative_gives_its_old_port_up_only_after_it_holds_the_representative_port() {
    let mut fake_router = FakeRouter::default();
    fake_router.hold(port(8080), 9, Some(Timestamp(20_000)));
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    assert_eq!(server.state.own.unwrap().port, port(8081));
    let mut now = server.wake.unwrap();
    assert_eq!(
        now,
        Timestamp(20_000),
        "it looks again when the holder's lease ends, not in a loop"
    );
    server.tell(&Event::Tick, now);
    assert_eq!(server.asked.map(Request::port), Some(port(8080)));
    let answer = fake_router.answer(0, server.asked.take().unwrap(), now);
    server.tell(&answer, now);
    assert_eq!(server.asked, Some(Request::Release(port(8081))));
    now = now + Duration::from_millis(10);
    server.settle(&mut fake_router, now);
    assert_eq!(server.state.own, None);
    assert_eq!(fake_router.holder(port(8081), now), None);
}

#[test]
fn a_foreign_entry_in_the_range_is_passed_over() {
    let mut fake_router = FakeRouter::default();
    fake_router.hold(port(8080), 9, Some(Timestamp(600_000)));
    fake_router.hold(port(8081), 8, Some(Timestamp(600_000)));
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    assert_eq!(server.state.own.unwrap().port, port(8082));
}

#[test]
fn a_full_range_makes_it_rest_and_a_freed_port_is_taken_at_once() {
    let mut fake_router = FakeRouter::default();
    for number in 8080..=8084 {
        fake_router.hold(port(number), 9, Some(Timestamp(600_000)));
    }
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    assert_eq!(server.state.role(Timestamp(0)), Role::Alone);
    assert!(server.state.crowded_since.is_some());
    fake_router.free(port(8083));
    let now = Timestamp(3_000);
    server.tell(&fake_router.survey(0, now), now);
    server.settle(&mut fake_router, now);
    assert_eq!(server.state.own.unwrap().port, port(8083));
    assert_eq!(server.state.crowded_since, None);
}

#[test]
fn what_a_router_has_forgotten_is_mapped_again_when_the_table_is_next_read() {
    let mut fake_router = FakeRouter::default();
    let mut servers: Vec<Server> = (0..2).map(Server::new).collect();
    for server in &mut servers {
        server.tell(&Event::RouterFound, Timestamp(0));
        server.settle(&mut fake_router, Timestamp(0));
    }
    let before = fake_router.holders(Timestamp(0));
    fake_router.reboot();
    let now = Timestamp(2_000);
    for (i, server) in servers.iter_mut().enumerate() {
        let survey = fake_router.survey(i, now);
        server.tell(&survey, now);
        server.settle(&mut fake_router, now);
    }
    let after = fake_router.holders(now);
    assert!(before.keys().eq(after.keys()), "{after:?}");
    assert_eq!(
        servers[0].state.term,
        Term(1),
        "it held the representative port all along"
    );
}

#[test]
fn s1_a_lease_that_the_router_cut_short_is_believed_for_less_than_that() {
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    let cut = Duration::from_secs(3);
    let answer = Event::Secured {
        port: port(8080),
        sent_at: Timestamp(0),
        granted: Some(cut),
        before: PriorEntry::Free,
        evidence: Evidence::ReadBack,
        renewal: Renewal::Extended,
    };
    server.tell(&answer, Timestamp(10));
    let leadership = server
        .state
        .leadership
        .expect("even a short lease gives leadership");
    assert!(leadership.deadline < Timestamp(0) + cut, "{leadership:?}");
    assert!(
        leadership.renew_at + cut / 4 < leadership.deadline,
        "{leadership:?}"
    );
}

#[test]
fn a_router_that_goes_on_refusing_is_asked_less_and_less() {
    let mut server = Server::new(0);
    let mut now = Timestamp(0);
    server.tell(&Event::RouterFound, now);
    let mut asked = 0;
    while now < Timestamp(0) + Duration::from_hours(1) {
        while let Some(request) = server.asked.take() {
            asked += 1;
            server.tell(&Event::Failed(request), now);
        }
        now = server.wake.expect("it tries again");
        server.tell(&Event::Tick, now);
    }
    assert!((20..60).contains(&asked), "asked {asked} times in an hour");
}

#[test]
fn a_crash_of_the_elector_with_a_request_under_way_asks_again() {
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    assert_eq!(server.asked.take().map(Request::port), Some(port(8080)));
    server.tell(&Event::Awoke, Timestamp(10));
    let again = Request::Secure {
        port: port(8080),
        lease: LEASE,
        asked: Asked::Again, // the router may have done it
    };
    assert_eq!(server.asked, Some(again));
}

#[test]
fn leaving_gives_back_the_representative_port_first_and_then_says_so() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    server.tell(&Event::Leave, Timestamp(1));
    let answer = fake_router.answer(0, server.asked.take().unwrap(), Timestamp(1));
    let effects = server.tell(&answer, Timestamp(2));
    assert!(effects.contains(&Effect::Left), "{effects:?}");
    assert!(fake_router.holders(Timestamp(1)).is_empty());
    server.tell(&Event::Tick, Timestamp(90_000));
    assert_eq!(server.asked, None, "who has left does not come back");
}

#[test]
fn leaving_without_a_router_does_not_wait_for_one() {
    let mut server = Server::new(0);
    assert!(
        server
            .tell(&Event::Leave, Timestamp(1))
            .contains(&Effect::Left)
    );
}

#[test]
fn a_term_out_of_all_proportion_is_not_taken_up() {
    let mut server = Server::new(0);
    server.tell(&reported(Term(u64::MAX)), Timestamp(0));
    assert_eq!(server.state.term, Term(0));
}

#[test]
fn a_router_that_refuses_the_farewell_is_not_asked_in_a_loop() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    server.tell(&Event::Leave, Timestamp(1));
    let request = server
        .asked
        .take()
        .expect("it gives the representative port back");
    server.tell(&Event::Failed(request), Timestamp(2));
    assert_eq!(server.asked, None);
    while server.asked.is_none() {
        let again = server.wake.take().expect("it tries again");
        assert!(
            again > Timestamp(2) && again < Timestamp(0) + LEASE / 8,
            "{again:?}"
        );
        server.tell(&Event::Tick, again);
    }
    assert_eq!(server.asked, Some(request));
}

#[test]
fn a_leaving_server_gives_one_port_back_while_it_waits_to_ask_for_the_other_again() {
    let (mut server, mut fake_router) = (Server::new(0), FakeRouter::default());
    server.state = server.state.with_ledger([port(8081)]);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    server.state.ledger.may_be_there(port(8081)); // as if an answer had been lost
    server.state.failures = 9; // it has been a bad router for long
    server.tell(&Event::Leave, Timestamp(1));
    let first = server.asked.take().expect("the representative port");
    assert_eq!(first, Request::Release(port(8080)));
    server.tell(&Event::Failed(first), Timestamp(2));
    assert_eq!(server.asked.take(), Some(Request::Release(port(8081))));
    server.tell(&Event::Released(port(8081)), Timestamp(3));
    let asked = server.run(
        &rules(),
        &mut fake_router,
        Timestamp(3),
        Timestamp(2) + BEAT,
    );
    assert_eq!(asked, [(Timestamp(2) + BEAT, first)]);
    assert_eq!(server.state.lifecycle, Lifecycle::Gone);
}

#[test]
fn s4_a_higher_term_heard_of_ends_the_memory_of_a_leadership() {
    // Its deadline passed while it could not ask; a write of its own came late to the router all
    // the same.
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    server.tell(&Event::RouterLost, Timestamp(1));
    let previous = Timestamp(0) + LEASE;
    server.tell(&Event::Tick, previous);
    assert_eq!(server.state.role(previous), Role::Alone);
    server.tell(&reported(Term(4)), previous);
    fake_router.hold(port(8080), 0, Some(previous + LEASE));
    server.tell(&Event::RouterFound, previous);
    server.settle(&mut fake_router, previous);
    assert_eq!(server.state.role(previous), Role::Representative);
    assert_eq!(
        server.state.term,
        Term(5),
        "a leadership of its own, and no old one"
    );
}

#[test]
fn s4_who_hears_the_representative_of_its_own_term_leave_has_no_leadership_to_take_up() {
    let withdrawal = |former_role| Event::Heard {
        from: Peer {
            id: InstanceId(1),
            address: address(1),
        },
        message: ElectionMessage::Withdrawal {
            term: Term(3),
            of: InstanceId(1),
            former_role,
        },
    };
    let after = |former_role| {
        let mut server = Server::new(0);
        server.state = State::new(Term(3), Some(port(8080)), Memory::WasRepresentative);
        server.tell(&withdrawal(former_role), Timestamp(0));
        server.state.memory
    };
    assert_eq!(after(FormerRole::Member), Memory::WasRepresentative);
    assert_eq!(after(FormerRole::Representative), Memory::None);
}

#[test]
fn l1_a_router_that_maps_at_last_is_asked_for_the_representative_port_soon() {
    let (mut server, mut fake_router) = (Server::new(0), FakeRouter::default());
    let mut now = Timestamp(0);
    server.tell(&Event::RouterFound, now);
    let soon = rules().patience(1);
    while server.state.own.is_none() {
        let Some(request) = server.asked.take() else {
            now = server.wake.expect("it goes on");
            server.tell(&Event::Tick, now);
            continue;
        };
        // It fails again and again, until nobody would ask soon again.
        let maps = server.state.failures >= 8 && request.port() != port(8080);
        let answer = if maps {
            fake_router.answer(0, request, now)
        } else {
            Event::Failed(request)
        };
        let wait = server.state.representative_after;
        assert!(!maps || wait > now + soon, "{wait:?}");
        server.tell(&answer, now);
    }
    server.run(&rules(), &mut fake_router, now, now + soon);
    assert!(server.state.leadership.is_some(), "{:?}", server.state);
}

#[test]
fn s1_the_margin_covers_a_routers_whole_seconds_and_a_slow_clock_and_leaves_three_renewals() {
    for seconds in 4..=600 {
        let lease = Duration::from_secs(seconds);
        let margin = Rules::margin(lease);
        let drift = lease * 200 / 1_000_000;
        assert!(
            margin > Duration::from_secs(1) + drift,
            "{seconds} s: {margin:?}"
        );
        assert!(margin >= lease / 8, "{seconds} s: {margin:?}");
        assert!(Rules::renewal(lease) * 3 + margin <= lease, "{seconds} s");
    }
}

#[test]
fn s4_leadership_is_not_remembered_beside_a_term_that_another_has_begun() {
    let mut server = Server::new(0);
    server.state = State::new(Term(3), Some(port(8080)), Memory::WasRepresentative);
    let kept = |server: &Server| server.state.port_to_remember(&rules(), Timestamp(0));
    assert_eq!(kept(&server), Some(port(8080)), "nothing has ended it yet");
    server.tell(&reported(Term(4)), Timestamp(0));
    assert_eq!(kept(&server), None);
}

#[test]
fn s4_what_a_forgotten_request_may_have_mapped_does_not_prove_an_old_leadership() {
    for forgets in [Event::Awoke, Event::RouterFound] {
        let mut fake_router = FakeRouter::default();
        let mut server = Server::new(0);
        server.state = State::new(Term(2), None, Memory::WasRepresentative);
        server.tell(&Event::RouterFound, Timestamp(0));
        // The port was free (another may have led meanwhile), the router maps it, and the elector
        // begins again before it hears of it.
        let request = server.asked.take().expect("it asks for what it had");
        let _unheard = fake_router.answer(0, request, Timestamp(0));
        server.tell(&forgets, Timestamp(10));
        server.settle(&mut fake_router, Timestamp(10));
        assert_eq!(server.state.role(Timestamp(10)), Role::Representative);
        assert_eq!(server.state.term, Term(3), "{forgets:?}");
    }
}

#[test]
fn e1_the_followed_one_that_lost_its_state_file_lives_though_its_term_is_lower() {
    let inquiry = |term| ElectionMessage::Inquiry {
        term,
        cause: Cause::Free,
        held_ms: 0,
    };
    for sign in [
        inquiry(Term(1)),
        ElectionMessage::ProbeReply { term: Term(1) },
    ] {
        let mut server = Server::new(0);
        let from = Peer {
            id: InstanceId(9),
            address: address(9),
        };
        let heard = |message| Event::Heard { from, message };
        server.tell(&heard(inquiry(Term(2))), Timestamp(0));
        // An Inquiry is missed and both direct questions are asked; then it is heard.
        let mut now = Timestamp(0);
        while server.state.detector.expect("followed").asked < 2 {
            now = server.wake.expect("it watches");
            server.tell(&Event::Tick, now);
        }
        server.tell(&heard(sign), now);
        let watched = server.state.detector.expect("it lives");
        assert_eq!((watched.heard_at, watched.asked), (now, 0), "{sign:?}");
        assert_eq!(watched.term, Term(2), "and the term is not forgotten");
    }
}

#[test]
fn l1_a_mapping_of_which_nobody_can_be_asked_is_looked_at_soon_and_then_less_and_less() {
    let foreign = Owner {
        address: address(9),
        kind: OwnerKind::Foreign,
    };
    // Hidden it may be a lease that ends any time; visible it is another program's, without an end.
    for by in [None, Some(foreign)] {
        let mut server = Server::new(0);
        let mut now = Timestamp(0);
        let mut looks = Vec::new();
        server.tell(&Event::RouterFound, now);
        while now < Timestamp(0) + LEASE * 40 {
            while let Some(request) = server.asked.take() {
                let port = request.port();
                if port != rules().representative_port {
                    server.tell(&Event::Failed(request), now);
                    continue;
                }
                looks.push(now);
                let expires_in = None;
                let taken = Event::Taken {
                    port,
                    expires_in,
                    by,
                };
                server.tell(&taken, now);
            }
            now = server.wake.expect("it looks again");
            server.tell(&Event::Tick, now);
        }
        let waits = looks
            .windows(2)
            .map(|pair| (pair[0], pair[1].after(pair[0])));
        for (at, wait) in waits {
            let stands = at.after(looks[0]);
            let most = match by {
                _ if stands < LEASE => rules().silence() * 2,
                None => LEASE,
                Some(_) => stands,
            };
            assert!(wait <= most, "{by:?}: {wait:?} at {at:?}");
        }
        let most = if by.is_none() { 100 } else { 16 };
        assert!(looks.len() < most, "{by:?}: {looks:?}");
    }
}

//! The ledger: what may be on the router is written down before, and given back after.

use std::collections::BTreeMap;

use super::*;

/// Somebody who never gives the representative port back.
const OTHER: usize = 9;

/// A server that is started with this ledger, where the representative port is another's.
fn restarted(ledger: &[u16]) -> (Server, FakeRouter) {
    let mut fake_router = FakeRouter::default();
    fake_router.hold(port(8080), OTHER, None);
    let mut server = Server::new(0);
    server.state = server
        .state
        .with_ledger(ledger.iter().map(|number| port(*number)));
    (server, fake_router)
}

/// The same, with what it asks for after the representative port.
fn asking(ledger: &[u16]) -> (Server, Request) {
    let (mut server, mut fake_router) = restarted(ledger);
    server.tell(&Event::RouterFound, Timestamp(0));
    let first = server.asked.take().expect("the representative port");
    let answer = fake_router.answer(0, first, Timestamp(0));
    server.tell(&answer, Timestamp(0));
    let request = server.asked.take().expect("its own port");
    (server, request)
}

fn ledger(server: &Server) -> Vec<u16> {
    server.state.ledger.ports().map(ExternalPort::get).collect()
}

fn on_the_router(fake_router: &FakeRouter, now: Timestamp) -> Vec<u16> {
    let holders = fake_router.holders(now).into_iter();
    holders
        .filter(|(_, holder)| *holder == 0)
        .map(|(port, _)| port.get())
        .collect()
}

fn requests(asked: &[(Timestamp, Request)]) -> Vec<Request> {
    asked.iter().map(|(_, request)| *request).collect()
}

fn secure(number: u16, asked: Asked) -> Request {
    let lease = match number {
        8080 => LEASE,
        _ => rules().lease,
    };
    Request::Secure {
        port: port(number),
        lease,
        asked,
    }
}

#[test]
fn a_port_is_written_down_before_it_is_asked_for() {
    let (mut server, mut fake_router) = restarted(&[]);
    fake_router.hold(port(8081), OTHER, None);
    let mut event = Event::RouterFound;
    let mut first = Vec::new();
    for _ in 0..10 {
        let known = server.state.ledger.clone();
        let effects = server.tell(&event, Timestamp(0));
        let Some(request) = server.asked.take() else {
            break;
        };
        let at = |wanted: &Effect| effects.iter().position(|effect| effect == wanted);
        if !known.has(request.port()) {
            assert!(server.state.ledger.has(request.port()), "{request:?}");
            let remembered = at(&Effect::Remember).expect("remembered");
            assert!(Some(remembered) < at(&Effect::Ask(request)), "{effects:?}");
            first.push(request);
        }
        event = fake_router.answer(0, request, Timestamp(0));
    }
    let each = [8080, 8081, 8082].map(|number| secure(number, Asked::First));
    assert_eq!(first, each);
    assert_eq!(ledger(&server), [8082], "what was another's is struck");
}

#[test]
fn no_other_port_is_asked_for_before_the_stray_is_given_back() {
    let (mut server, release) = asking(&[8082, 8083]);
    assert_eq!(release, Request::Release(port(8083)));
    // As long as it may be there.
    let mut now = Timestamp(0);
    let mut failures = 0;
    server.asked = Some(release);
    loop {
        match server.asked.take() {
            // The representative port is none of the range.
            Some(request) if request.port() == port(8080) => {
                let taken = Event::Taken {
                    port: port(8080),
                    expires_in: None,
                    by: None,
                };
                server.tell(&taken, now);
            }
            Some(request) => {
                assert_eq!(request, release);
                failures += 1;
                if failures > 5 {
                    break;
                }
                server.tell(&Event::Failed(request), now);
            }
            None => {
                now = server.wake.take().expect("it goes on");
                server.tell(&Event::Tick, now);
            }
        }
    }
    server.tell(&Event::Released(port(8083)), now);
    assert_eq!(server.asked, Some(secure(8082, Asked::Again)));
    assert_eq!(ledger(&server), [8082]);
}

#[test]
fn an_answer_strikes_a_port_only_if_nothing_of_its_own_can_be_there() {
    let refused = |shown| Event::Refused {
        port: port(8081),
        shown,
    };
    let taken = Event::Taken {
        port: port(8081),
        expires_in: None,
        by: None,
    };
    let (_, first) = asking(&[]);
    let (_, again) = asking(&[8081]);
    assert_eq!(first, secure(8081, Asked::First));
    assert_eq!(again, secure(8081, Asked::Again));
    let cases = [
        (taken.clone(), taken, [false, false]),
        (
            refused(Shown::Nobody),
            refused(Shown::Nobody),
            [false, false],
        ),
        (
            refused(Shown::Nothing),
            refused(Shown::Nothing),
            [false, true],
        ),
        (refused(Shown::Ours), refused(Shown::Ours), [true, true]),
        (
            Event::NoRoom(port(8081)),
            Event::NoRoom(port(8081)),
            [false, false],
        ),
        (
            Event::NotAsked(first),
            Event::NotAsked(again),
            [false, true],
        ),
        (Event::Failed(first), Event::Failed(again), [true, true]),
    ];
    for (to_first, to_again, kept) in cases {
        for (before, answer, kept) in [
            (&[][..], &to_first, kept[0]),
            (&[8081][..], &to_again, kept[1]),
        ] {
            let (mut server, _) = asking(before);
            server.tell(answer, Timestamp(0));
            let has = server.state.ledger.has(port(8081));
            assert_eq!(has, kept, "{answer:?} with {before:?} before");
        }
    }
}

#[test]
fn a_mapping_of_its_own_that_it_knows_nothing_of_is_given_back() {
    let (mut server, mut fake_router) = restarted(&[]);
    let now = Timestamp(0);
    server.tell(&Event::RouterFound, now);
    server.settle(&mut fake_router, now);
    assert_eq!(on_the_router(&fake_router, now), [8081]);
    fake_router.hold(port(8083), 0, Some(Timestamp(3_600_000)));
    server.tell(&fake_router.survey(0, now), now);
    assert_eq!(ledger(&server), [8081, 8083]);
    assert_eq!(server.asked, Some(Request::Release(port(8083))));
    server.settle(&mut fake_router, now);
    assert_eq!(on_the_router(&fake_router, now), [8081]);
    assert_eq!(ledger(&server), [8081]);
}

#[test]
fn a_whole_list_strikes_what_is_not_in_it_and_an_empty_one_nothing() {
    let other = BTreeMap::from([(port(8080), Ownership::Theirs)]);
    let theirs = BTreeMap::from([(port(8083), Ownership::Theirs)]);
    let unclear = BTreeMap::from([(port(8083), Ownership::Unclear)]);
    let none = BTreeMap::new();
    let (whole, part) = (SurveyExtent::Whole, SurveyExtent::Part);
    let cases = [
        (&other, whole, ListTrust::Trusted, false),
        (&other, part, ListTrust::Trusted, true),
        (&other, whole, ListTrust::Incomplete, true),
        (&unclear, whole, ListTrust::Trusted, true),
        (&theirs, part, ListTrust::Trusted, false),
        (&none, whole, ListTrust::Trusted, true),
    ];
    for (holders, seen, list, kept) in cases {
        let (mut server, _) = restarted(&[8083]);
        server.state.list = list;
        let holders = holders.clone();
        server.tell(&Event::Surveyed { holders, seen }, Timestamp(0));
        let has = server.state.ledger.has(port(8083));
        assert_eq!(has, kept, "{:?} {seen:?} {list:?}", server.state);
    }
}

#[test]
fn a_list_that_has_its_mapping_is_believed_again_though_it_does_not_say_whose_it_is() {
    let of_own = |whose| {
        let (mut server, mut fake_router) = restarted(&[]);
        server.tell(&Event::RouterFound, Timestamp(0));
        server.settle(&mut fake_router, Timestamp(0));
        let own = server.state.own.expect("a port of its own").port;
        server.state.list = ListTrust::Incomplete;
        server.state.ledger.may_be_there(port(8083));
        let list = Event::Surveyed {
            holders: BTreeMap::from([(own, whose)]),
            seen: SurveyExtent::Whole,
        };
        server.tell(&list, Timestamp(1_000));
        server.state.ledger.has(port(8083))
    };
    assert!(of_own(Ownership::Theirs), "it may be there unseen");
    assert!(!of_own(Ownership::Unclear), "what there is can be seen");
}

#[test]
fn what_the_router_only_said_yes_to_is_struck_when_its_lease_is_over() {
    let mut fake_router = FakeRouter::default();
    fake_router.change(|quirks| quirks.shown = porthole_sim_router::Shown::Nothing);
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    let asked = server.run(&rules(), &mut fake_router, Timestamp(0), Timestamp(5_000));
    let (granted_at, _) = *asked.last().expect("until it was believed");
    assert_eq!(server.state.role(Timestamp(5_000)), Role::Representative);
    assert_eq!(ledger(&server), [8080]);

    server.tell(&Event::RouterLost, Timestamp(5_000));
    let end = granted_at + LEASE;
    server.tell(&Event::Tick, end - Duration::from_millis(1));
    assert_eq!(ledger(&server), [8080], "it may be there as long as that");
    server.tell(&Event::Tick, end);
    assert_eq!(ledger(&server), [0_u16; 0]);
}

#[test]
fn a_renewal_without_an_answer_may_have_prolonged_what_nothing_shows() {
    let mut fake_router = FakeRouter::default();
    fake_router.change(|quirks| quirks.shown = porthole_sim_router::Shown::Nothing);
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.run(&rules(), &mut fake_router, Timestamp(0), Timestamp(5_000));
    let mut now = Timestamp(5_000);
    while server.asked.is_none() {
        now = server.wake.expect("it renews");
        server.tell(&Event::Tick, now);
    }
    let request = server.asked.take().expect("a renewal");
    server.tell(&Event::Failed(request), now);
    server.tell(&Event::RouterLost, now);
    // A slow router is asked for a longer one.
    let longest = Duration::from_mins(5);
    server.tell(&Event::Tick, now + longest - Duration::from_millis(1));
    assert_eq!(ledger(&server), [8080]);
    server.tell(&Event::Tick, now + longest);
    assert_eq!(ledger(&server), [0_u16; 0]);
}

#[test]
fn leaving_gives_back_all_of_the_ledger_and_is_over_only_then() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    let now = Timestamp(0);
    server.tell(&Event::RouterFound, now);
    server.settle(&mut fake_router, now);
    for stray in [8082, 8084] {
        fake_router.hold(port(stray), 0, None);
    }
    server.tell(&fake_router.survey(0, now), now);
    let first = server.asked.take().expect("a stray is given back");
    server.tell(&Event::Failed(first), now);
    assert_eq!(ledger(&server), [8080, 8082, 8084]);

    let mut effects = server.tell(&Event::Leave, now);
    for left in [3, 2, 1] {
        assert!(!effects.contains(&Effect::Left), "{left} are there");
        assert_eq!(server.state.lifecycle, Lifecycle::Leaving);
        let request = server.asked.take().expect("the next one");
        assert!(matches!(request, Request::Release(_)), "{request:?}");
        let answer = fake_router.answer(0, request, now);
        effects = server.tell(&answer, now);
    }
    assert!(effects.contains(&Effect::Left), "{effects:?}");
    assert_eq!(server.state.lifecycle, Lifecycle::Gone);
    assert_eq!(on_the_router(&fake_router, now), [0_u16; 0]);
}

#[test]
fn what_cannot_be_given_back_keeps_a_leaving_server_from_being_gone() {
    let (mut server, release) = asking(&[8082, 8083]);
    server.tell(&Event::Leave, Timestamp(0));
    let effects = server.tell(&Event::Failed(release), Timestamp(0));
    assert!(!effects.contains(&Effect::Left), "{effects:?}");
    assert_eq!(server.state.lifecycle, Lifecycle::Leaving);
    assert_eq!(ledger(&server), [8082, 8083]);
}

#[test]
fn a_restarted_server_uses_one_port_of_its_ledger_and_gives_back_the_others() {
    let (mut server, mut fake_router) = restarted(&[8082, 8083, 8084]);
    let now = Timestamp(0);
    for number in [8082, 8083, 8084] {
        fake_router.hold(port(number), 0, None);
    }
    server.tell(&Event::RouterFound, now);
    let asked = server.run(&rules(), &mut fake_router, now, now);
    let expected = [
        secure(8080, Asked::First),
        Request::Release(port(8083)),
        Request::Release(port(8084)),
        secure(8082, Asked::Again),
    ];
    assert_eq!(requests(&asked), expected);
    assert_eq!(on_the_router(&fake_router, now), [8082]);
    assert_eq!(ledger(&server), [8082]);
}

#[test]
fn a_restarted_representative_gives_back_what_else_it_has() {
    let mut fake_router = FakeRouter::default();
    let now = Timestamp(0);
    fake_router.hold(port(8080), 0, Some(now + LEASE));
    fake_router.hold(port(8083), 0, None);
    let mut server = Server::new(0);
    let state = State::new(Term(3), Some(port(8080)), Memory::WasRepresentative);
    server.state = state.with_ledger([8080, 8083].map(port));
    server.tell(&Event::RouterFound, now);
    assert_eq!(server.asked, Some(secure(8080, Asked::Again)));
    server.settle(&mut fake_router, now);
    assert_eq!(server.state.role(now), Role::Representative);
    assert_eq!(server.state.term, Term(3), "S5");
    assert_eq!(on_the_router(&fake_router, now), [8080]);
}

#[test]
fn a_server_that_is_not_to_be_reached_gives_back_what_its_ledger_names() {
    let mut fake_router = FakeRouter::default();
    let now = Timestamp(0);
    for number in [8080, 8082, 8083] {
        fake_router.hold(port(number), 0, None);
    }
    let mut server = Server::new(0);
    server.state = server
        .state
        .with_ledger([8080, 8082, 8083].map(port))
        .with_remote_access(RemoteAccess::Off);
    server.tell(&Event::RouterFound, now);
    let asked = server.run(&rules(), &mut fake_router, now, now + LEASE * 2);
    let expected = [8080, 8082, 8083].map(|number| Request::Release(port(number)));
    assert_eq!(requests(&asked), expected, "and nothing else");
    assert_eq!(on_the_router(&fake_router, now), [0_u16; 0]);
    assert!(server.state.ledger.is_empty());
}

#[test]
fn a_port_that_shows_a_name_is_its_own_only_if_it_was_asked_for() {
    let (mut server, mut fake_router) = restarted(&[]);
    fake_router.change(|quirks| quirks.client_text = porthole_sim_router::ClientText::HostName);
    fake_router.hold(port(8081), OTHER, None);
    let now = Timestamp(0);
    server.tell(&Event::RouterFound, now);
    server.settle(&mut fake_router, now);
    assert_eq!(on_the_router(&fake_router, now), [8082]);
    server.tell(&fake_router.survey(0, now), now);
    assert_eq!(server.state.own.map(|own| own.port), Some(port(8082)));
    let taken: Vec<_> = server.state.taken.iter().map(|port| port.get()).collect();
    assert_eq!(taken, [8081]);
    assert_eq!(server.asked, None, "nothing is in doubt");
}

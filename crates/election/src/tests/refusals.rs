//! Ports that the router refuses although it shows nobody there.

use porthole_sim_router::{PerInner, ReservedPorts};

use super::site::Site;
use super::*;

/// How often a port is looked at that nobody expects to become free.
const SELDOM: Duration = Duration::from_mins(5);

/// A server and a router that keeps these ports for itself.
fn reserving(ports: &[u16]) -> (Server, FakeRouter) {
    let mut fake_router = FakeRouter::default();
    reserve(&mut fake_router, ports);
    (Server::new(0), fake_router)
}

fn reserve(fake_router: &mut FakeRouter, ports: &[u16]) {
    let ports = ReservedPorts::new(ports.iter().map(|number| port(*number)));
    fake_router.change(|quirks| quirks.reserved = Some(ports));
}

fn times(asked: &[(Timestamp, Request)], number: u16) -> usize {
    let of = |it: &&(Timestamp, Request)| it.1.port() == port(number);
    asked.iter().filter(of).count()
}

#[test]
fn an_own_port_that_is_nobodys_and_refused_three_times_is_the_routers_own() {
    let (mut server, mut fake_router) = reserving(&[8081]);
    fake_router.hold(port(8080), 9, None);
    server.tell(&Event::RouterFound, Timestamp(0));
    let to = Timestamp(0) + LEASE * 4;
    let asked = server.run(&rules(), &mut fake_router, Timestamp(0), to);
    assert_eq!(times(&asked, 8081), 3, "{asked:#?}");
    assert_eq!(times(&asked, 8082), 1, "{asked:#?}");
    assert_eq!(server.state.own.map(|own| own.port), Some(port(8082)));
    assert_eq!(
        server.state.ledger.ports().collect::<Vec<_>>(),
        [port(8082)]
    );
}

#[test]
fn where_nothing_is_shown_one_refusal_is_enough() {
    let (mut server, mut fake_router) = reserving(&[8081]);
    fake_router.change(|quirks| quirks.shown = porthole_sim_router::Shown::Nothing);
    fake_router.hold(port(8080), 9, None);
    server.tell(&Event::RouterFound, Timestamp(0));
    let to = Timestamp(0) + LEASE * 4;
    let asked = server.run(&rules(), &mut fake_router, Timestamp(0), to);
    assert_eq!(times(&asked, 8081), 1, "{asked:#?}");
    assert_eq!(server.state.own.map(|own| own.port), Some(port(8082)));
}

/// A server that has its own port on a router that takes one mapping to a port of a device, and
/// waits for the end of another's lease; and when that is.
fn member_of_one() -> (Server, FakeRouter, Timestamp) {
    let mut fake_router = FakeRouter::default();
    fake_router.change(|quirks| quirks.per_inner = PerInner::One);
    let end = Timestamp(10_000);
    fake_router.hold(port(8080), 9, Some(end));
    let mut server = Server::new(0);
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    assert_eq!(server.state.role(Timestamp(0)), Role::Member);
    (server, fake_router, end)
}

#[test]
fn where_one_port_leads_to_a_device_the_successor_gives_up_its_own_for_the_representatives() {
    let (mut server, mut fake_router, end) = member_of_one();
    let now = end + BEAT * 2;
    let asked = server.run(&rules(), &mut fake_router, Timestamp(0), now);
    let asked: Vec<_> = asked
        .into_iter()
        .filter(|(at, _)| *at >= end)
        .map(|(_, request)| (request.port().get(), matches!(request, Request::Release(_))))
        .collect();
    let expected = [(8080, false), (8081, true), (8080, false)];
    assert_eq!(asked, expected, "refused, given up, had");
    assert_eq!(server.state.role(now), Role::Representative);
    assert_eq!(server.state.inner, InnerPorts::One);
    assert_eq!(fake_router.holders(now), [(port(8080), 0)].into());
}

#[test]
fn where_one_port_leads_to_a_device_who_steps_down_does_not_wait_for_another() {
    let (mut server, mut fake_router, end) = member_of_one();
    let now = end + BEAT * 2;
    server.run(&rules(), &mut fake_router, Timestamp(0), now);
    server.tell(&Event::StepDown, now);
    assert_eq!(server.asked, Some(Request::Release(port(8080))));
    server.settle(&mut fake_router, now);
    assert_eq!(server.state.lifecycle, Lifecycle::Running);
    assert_eq!(fake_router.holders(now), [(port(8081), 0)].into());
}

/// Lets time pass until it is a deputy; when, and what was asked until then.
fn until_deputy(
    server: &mut Server,
    fake_router: &mut FakeRouter,
    from: Timestamp,
) -> (Timestamp, Vec<(Timestamp, Request)>) {
    let mut asked = Vec::new();
    let mut now = from;
    while !matches!(server.state.stage(), ClaimStage::Deputy { .. }) {
        let next = server.wake.unwrap_or(now).max(now);
        asked.extend(server.run(&rules(), fake_router, now, next));
        now = next;
        assert!(now < from + LEASE * 4, "never a deputy: {:?}", server.state);
    }
    (now, asked)
}

#[test]
fn a_representative_port_that_is_the_routers_own_makes_a_deputy() {
    let (mut server, mut fake_router) = reserving(&[8080]);
    server.tell(&Event::RouterFound, Timestamp(0));
    let (since, asked) = until_deputy(&mut server, &mut fake_router, Timestamp(0));
    assert_eq!(times(&asked, 8080), 3, "{asked:#?}");
    let own = Some(port(8081));
    assert_eq!(server.state.stage(), ClaimStage::Deputy { port: own });
    assert_eq!(fake_router.holders(since), [(port(8081), 0)].into());

    // It may have been busy: it is looked at again after a lease, and then less and less. No list
    // makes it look sooner.
    let later = since + LEASE - Duration::from_millis(1);
    let survey = fake_router.survey(0, since);
    server.tell(&survey, since);
    let asked = server.run(&rules(), &mut fake_router, since, later);
    assert_eq!(times(&asked, 8080), 0, "{asked:#?}");
    let asked = server.run(&rules(), &mut fake_router, later, since + SELDOM * 12);
    assert!((5..=17).contains(&times(&asked, 8080)), "{asked:#?}");
    assert_eq!(server.state.stage(), ClaimStage::Deputy { port: own });

    // Until the router's settings are other ones.
    reserve(&mut fake_router, &[]);
    let now = since + SELDOM * 14;
    server.run(&rules(), &mut fake_router, since + SELDOM * 12, now);
    assert_eq!(server.state.role(now), Role::Representative);
    assert_eq!(server.state.inner, InnerPorts::Many);
}

#[test]
fn there_is_no_deputy_before_the_port_was_refused_to_a_server_without_another() {
    let (mut server, mut fake_router) = reserving(&[]);
    let end = Timestamp(10_000);
    fake_router.hold(port(8080), 9, Some(end));
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    assert_eq!(server.state.role(Timestamp(0)), Role::Member);
    reserve(&mut fake_router, &[8080]);
    let (now, asked) = until_deputy(&mut server, &mut fake_router, Timestamp(0));
    let since = asked
        .iter()
        .position(|(at, _)| *at >= end)
        .expect("refused");
    let shape: Vec<_> = asked[since..]
        .iter()
        .map(|(_, request)| (request.port().get(), matches!(request, Request::Release(_))))
        .collect();
    assert_eq!(shape[..3], [(8080, false), (8081, true), (8080, false)]);
    assert_eq!(times(&asked[since..], 8080), 3, "{shape:?}");
    let asked = server.run(&rules(), &mut fake_router, now, now + BEAT * 4);
    assert_eq!(times(&asked, 8080), 0, "{asked:#?}");
    let own = server.state.own.map(|own| own.port);
    assert!(own.is_some());
    assert_eq!(server.state.stage(), ClaimStage::Deputy { port: own });
}

#[test]
fn a_second_server_yields_to_the_deputy_and_an_inquiry_ends_it() {
    let mut site = Site::of(0, rules(), Access::Secure);
    reserve(&mut site.fake_router, &[8080]);
    for who in 0..2 {
        site.servers.push(Server::new(who));
        site.tell(who, &Event::RouterFound);
        site.run(BEAT);
    }
    site.run(LEASE * 2);
    let deputy = |who: usize| matches!(site.servers[who].state.stage(), ClaimStage::Deputy { .. });
    let deputies: Vec<usize> = (0..2).filter(|who| deputy(*who)).collect();
    let [first] = deputies[..] else {
        panic!("{deputies:?}: {:#?}", site.said);
    };
    let own = site.servers[first].state.own.map(|own| own.port);
    assert!(own.is_some());
    let second = 1 - first;
    let Candidacy::Yielding { to, stage, .. } = site.servers[second].state.candidacy else {
        panic!("{:?}", site.servers[second].state.candidacy);
    };
    assert_eq!(to, Site::peer(first));
    assert_eq!(stage, ClaimStage::Deputy { port: own });

    let message = ElectionMessage::Inquiry {
        term: Term(1),
        cause: Cause::Free,
        held_ms: 0,
    };
    let from = Site::peer(7);
    for who in 0..2 {
        site.tell(who, &Event::Heard { from, message });
        let state = &site.servers[who].state;
        assert_eq!(state.candidacy, Candidacy::None);
        assert_eq!(state.vacancy, None);
        assert_eq!(state.detector.and_then(|it| it.id), Some(from.id));
        assert_eq!(state.refusals.representative, 0);
    }
}

#[test]
fn there_is_no_deputy_where_the_servers_do_not_speak() {
    let (mut server, mut fake_router) = reserving(&[8080]);
    let rules = Rules {
        lan: LanMessaging::Disabled,
        ..rules()
    };
    server.tell_with(&rules, &Event::RouterFound, Timestamp(0), Entropy(0));
    let to = Timestamp(0) + SELDOM * 4;
    let asked = server.run(&rules, &mut fake_router, Timestamp(0), to);
    assert!(times(&asked, 8080) > 3, "{asked:#?}");
    assert_eq!(server.state.candidacy, Candidacy::None);
    assert_eq!(server.state.role(to), Role::Member);
}

#[test]
fn an_own_mapping_from_before_that_cannot_be_renewed_is_made_anew_the_second_time() {
    let mut fake_router = FakeRouter::default();
    fake_router.change(|quirks| quirks.renewal = porthole_sim_router::Renewal::Refused);
    fake_router.hold(port(8080), 0, Some(Timestamp(0) + LEASE));
    let mut server = Server::new(0);
    let state = State::new(Term(3), None, Memory::WasRepresentative);
    server.state = state.with_ledger([port(8080)]);
    server.tell(&Event::RouterFound, Timestamp(0));
    let mut now = Timestamp(0);
    for refused in 1..=2 {
        let request = server.asked.take().expect("it asks");
        assert!(matches!(request, Request::Secure { .. }), "{request:?}");
        let answer = fake_router.answer(0, request, now);
        let shown = Shown::Ours;
        let expected = Event::Refused {
            port: port(8080),
            shown,
        };
        assert_eq!(answer, expected);
        server.tell(&answer, now);
        assert_eq!(server.state.memory, Memory::WasRepresentative);
        assert_eq!(server.state.refusals.ours, refused);
        while server.asked.is_none() || server.asked.map(Request::port) != Some(port(8080)) {
            if server.asked.is_some() {
                let request = server.asked.take().expect("its own port");
                let answer = fake_router.answer(0, request, now);
                server.tell(&answer, now);
            } else {
                now = server.wake.expect("it goes on");
                server.tell(&Event::Tick, now);
            }
        }
    }
    assert!(matches!(server.asked, Some(Request::Remake { .. })));
    server.settle(&mut fake_router, now);
    assert_eq!(server.state.role(now), Role::Representative);
    assert!(now < Timestamp(0) + LEASE, "it did not wait for the end");
}

#[test]
fn where_nothing_is_shown_a_refusal_is_waited_for_as_for_an_owner_that_is_hidden() {
    let refused = Event::Refused {
        port: port(8080),
        shown: Shown::Nothing,
    };
    let taken = Event::Taken {
        port: port(8080),
        expires_in: None,
        by: None,
    };
    let [refused, taken] = [refused, taken].map(|answer| {
        let mut server = Server::new(0);
        server.state.memory = Memory::WasRepresentative;
        server.tell(&Event::RouterFound, Timestamp(0));
        server.tell(&answer, Timestamp(0));
        server.state
    });
    assert_eq!(refused.representative_after, taken.representative_after);
    assert!(refused.representative_after > Timestamp(0) + BEAT);
    assert_eq!(refused.foreign_holder, taken.foreign_holder);
    assert_eq!(refused.memory, Memory::None);
    assert_eq!(refused.term, taken.term);
    assert_eq!(refused.refusals.representative, 1);
}

/// The yes of a router that shows nothing.
fn yes_unseen(now: Timestamp) -> Event {
    Event::Secured {
        port: port(8080),
        sent_at: now,
        granted: Some(LEASE),
        before: PriorEntry::Free,
        evidence: Evidence::Answer,
        renewal: Renewal::New,
    }
}

#[test]
fn of_two_that_a_router_says_yes_to_unseen_the_one_of_the_later_term_goes_on() {
    let (early, late) = (Timestamp(0), Timestamp(3_000));
    for (term, goes_on) in [(2, false), (0, true)] {
        let mut server = Server::new(0);
        server.tell(&Event::RouterFound, early);
        server.tell(&yes_unseen(early), early);
        assert_eq!(server.state.role(early), Role::Representative);
        let inquiry = ElectionMessage::Inquiry {
            term: Term(term),
            cause: Cause::Free,
            held_ms: 0,
        };
        let from = Peer {
            id: InstanceId(9),
            address: address(9),
        };
        server.tell(
            &Event::Heard {
                from,
                message: inquiry,
            },
            late,
        );
        server.tell(&Event::Tick, server.wake.unwrap_or(late).max(late));
        server.tell(&yes_unseen(late), late);
        assert_eq!(
            server.state.role(late) == Role::Representative,
            goes_on,
            "another leads in term {term}"
        );
    }
}

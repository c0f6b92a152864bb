//! The switch of ¶84: off gives everything back, on asks anew, and neither fights for leadership.

use super::site::Site;
use super::*;

fn held_by(site: &Site, who: usize) -> Vec<u16> {
    let ports = site.fake_router.holders(site.now).into_iter();
    ports
        .filter(|(_, holder)| *holder == who)
        .map(|(port, _)| port.get())
        .collect()
}

#[test]
fn a_representative_that_is_switched_off_gives_back_everything_and_another_takes_over() {
    for access in [Access::Secure, Access::Open] {
        let mut site = Site::of(3, rules(), access);
        site.tell(0, &Event::Expose(RemoteAccess::Off));
        let took = site.run_until_another_than(&[0]);
        assert!(took <= BEAT, "{took:?}");
        assert_eq!(site.representatives(), [1]);
        site.run(BEAT * 90);
        assert_eq!(held_by(&site, 0), [0_u16; 0], "and it asks for nothing");
        assert_eq!(site.servers[0].state.role(site.now), Role::Alone);
        assert_eq!(site.representatives(), [1]);
    }
}

#[test]
fn a_member_that_is_switched_off_and_on_is_back_on_its_port_and_takes_no_leadership() {
    let mut site = Site::of(3, rules(), Access::Secure);
    let before = held_by(&site, 2);
    site.tell(2, &Event::Expose(RemoteAccess::Off));
    site.run(BEAT);
    assert_eq!(held_by(&site, 2), [0_u16; 0]);
    site.tell(2, &Event::Expose(RemoteAccess::On));
    site.run(BEAT * 2);
    assert_eq!(held_by(&site, 2), before);
    assert_eq!(site.representatives(), [0]);
}

#[test]
fn a_server_that_is_switched_off_leaves_a_vacancy_to_the_others_and_sees_who_fills_it() {
    let mut site = Site::of(3, rules(), Access::Open);
    site.tell(1, &Event::Expose(RemoteAccess::Off));
    site.run(BEAT * 2);
    site.kill(0);
    site.run_until_another_than(&[0]);
    assert_eq!(
        site.representatives(),
        [2],
        "the next in order was passed over"
    );
    site.run(BEAT * 4);
    assert!(site.claims().iter().all(|(who, _)| *who == 2));
    let leader_view = site.servers[1].state.leader_view(site.now);
    let LeaderView::Another { id, .. } = leader_view else {
        panic!("{leader_view:?}");
    };
    assert_eq!(id, Some(InstanceId(2)));
}

#[test]
fn alone_and_switched_off_nobody_is_representative_until_it_is_switched_on() {
    let mut site = Site::of(1, rules(), Access::Secure);
    site.tell(0, &Event::Expose(RemoteAccess::Off));
    site.run(BEAT * 60);
    assert_eq!(site.holder(), None);
    site.tell(0, &Event::Expose(RemoteAccess::On));
    site.run(BEAT * 2);
    assert_eq!(site.representatives(), [0]);
}

#[test]
fn what_an_earlier_run_left_on_the_router_is_given_back_after_a_start() {
    for (memory, port_before) in [(Memory::WasRepresentative, 8080), (Memory::None, 8082)] {
        let mut fake_router = FakeRouter::default();
        let mut server = Server::default();
        fake_router.answer(0, secure(port_before), Timestamp(0));
        server.state = State::new(Term(3), Some(port(port_before)), memory)
            .with_remote_access(RemoteAccess::Off);
        server.tell(&Event::RouterFound, Timestamp(5));
        server.settle(&mut fake_router, Timestamp(5));
        assert!(
            fake_router.holders(Timestamp(5)).is_empty(),
            "{port_before}"
        );
        server.tell(&Event::Tick, Timestamp(60_000));
        assert_eq!(server.asked, None, "and that is all that it asks");
    }
}

#[test]
fn a_router_that_does_not_answer_is_asked_again_until_everything_is_given_back() {
    for asked in [secure(8080), secure(8081), Request::Release(port(8080))] {
        let mut fake_router = FakeRouter::default();
        let mut server = Server::default();
        server.tell(&Event::RouterFound, Timestamp(0));
        server.settle(&mut fake_router, Timestamp(0));
        server.state.pending = Some(asked);
        server.state.ledger.enter(asked.port());
        // It was done, and the answer is lost.
        fake_router.answer(0, asked, Timestamp(1));
        server.tell(&Event::Expose(RemoteAccess::Off), Timestamp(1));
        server.tell(&Event::Failed(asked), Timestamp(2));
        let mut now = Timestamp(2);
        for _ in 0..10 {
            server.settle(&mut fake_router, now);
            let Some(at) = server.wake.take() else { break };
            now = at;
            server.tell(&Event::Tick, now);
        }
        assert!(
            fake_router.holders(now).is_empty(),
            "{asked:?}: {:?}",
            server.state
        );
    }
}

fn secure(number: u16) -> Request {
    Request::Secure {
        port: port(number),
        lease: Duration::from_hours(1),
        asked: Asked::First,
    }
}

#[test]
fn s4_what_may_be_left_over_does_not_prove_an_old_leadership() {
    let mut server = Server::new(0);
    server.state = State::new(Term(2), None, Memory::None);
    server.tell(&Event::RouterFound, Timestamp(0));
    // Asked for a second time, as after a panic: the router has mapped it to this server already.
    server.tell(&Event::Expose(RemoteAccess::Off), Timestamp(1));
    let answer = Event::Secured {
        port: port(8080),
        sent_at: Timestamp(0),
        granted: Some(LEASE),
        before: PriorEntry::Ours,
        evidence: Evidence::ReadBack,
        renewal: Renewal::Extended,
    };
    server.tell(&answer, Timestamp(2));
    assert_eq!(server.state.term, Term(3));
    let back = Request::Release(port(8080));
    assert_eq!(server.asked, Some(back), "and it is given back");
}

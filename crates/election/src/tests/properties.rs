//! The invariants over whatever may happen.

use proptest::prelude::*;

use super::*;

/// What can befall three servers and a router.
#[derive(Clone, Debug)]
enum Happening {
    Pass(u64),
    Answer(usize),
    Lose(usize),
    Crash(usize),
    PowerCut(usize),
    Reboot,
    Survey(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (1u64..8_000).prop_map(Happening::Pass),
        8 => (0usize..3).prop_map(Happening::Answer),
        1 => (0usize..3).prop_map(Happening::Lose),
        1 => (0usize..3).prop_map(Happening::Crash),
        1 => (0usize..3).prop_map(Happening::PowerCut),
        1 => Just(Happening::Reboot),
        2 => (0usize..3).prop_map(Happening::Survey),
    ]
}

proptest! {
    /// S1 and S2 over anything that may happen while the router's memory lasts: at most one server
    /// believes, and the router agrees with it. A reboot ends the epoch, after which a belief may
    /// be wrong until its deadline (S1 is stated per router epoch).
    #[test]
    fn s1_s2_at_most_one_believes_and_the_router_agrees(
        happenings in prop::collection::vec(happening(), 1..200),
    ) {
        let mut fake_router = FakeRouter::default();
        let mut now = Timestamp(0);
        let mut epoch_began = Timestamp(0);
        let mut servers: Vec<Server> = (0..3).map(Server::new).collect();
        for server in &mut servers {
            server.tell(&Event::RouterFound, now);
        }
        for happening in happenings {
            match happening {
                Happening::Pass(millis) => {
                    now = now + Duration::from_millis(millis);
                    for server in &mut servers {
                        if server.wake.is_some_and(|at| at <= now) {
                            server.tell(&Event::Tick, now);
                        }
                    }
                }
                Happening::Answer(i) => {
                    if let Some(request) = servers[i].asked.take() {
                        let answer = fake_router.answer(i, request, now);
                        servers[i].tell(&answer, now);
                    }
                }
                Happening::Lose(i) => {
                    if let Some(request) = servers[i].asked.take() {
                        // The router did it; the answer was lost.
                        let _ = fake_router.answer(i, request, now);
                        servers[i].tell(&Event::Failed(request), now);
                    }
                }
                Happening::Crash(i) => {
                    servers[i].asked = None;
                    servers[i].tell(&Event::Awoke, now);
                }
                Happening::PowerCut(i) => {
                    let old = servers[i].state.clone();
                    let memory = match old.leadership {
                        Some(_) => Memory::WasRepresentative,
                        None => Memory::None,
                    };
                    servers[i] = Server::new(i);
                    servers[i].state = State::new(old.term, old.preferred, memory);
                    servers[i].tell(&Event::RouterFound, now);
                }
                Happening::Reboot => {
                    fake_router.reboot();
                    epoch_began = now;
                }
                Happening::Survey(i) => {
                    let survey = fake_router.survey(i, now);
                    servers[i].tell(&survey, now);
                }
            }
            let believers: Vec<usize> = (0..3)
                .filter(|i| servers[*i].state.role(now) == Role::Representative)
                // Belief older than this epoch of the router is bounded by its deadline instead.
                .filter(|i| servers[*i].state.leadership.unwrap().deadline > epoch_began + LEASE)
                .collect();
            prop_assert!(believers.len() <= 1, "S1: {believers:?} at {now:?}");
            for i in believers {
                let holder = fake_router.holder(port(8080), now).map(|(holder, _)| holder);
                prop_assert!(holder == Some(i), "S2: {i} believes, the router says {holder:?}");
            }
        }
    }

    /// L1, in the small: left alone with a router that answers, somebody is representative within
    /// two leases, whatever happened before.
    #[test]
    fn l1_left_alone_they_end_with_one_representative(
        leftovers in prop::collection::vec((8080u16..8085, 0usize..4, 0u64..30_000), 0..5),
    ) {
        let mut fake_router = FakeRouter::default();
        for (number, holder, until) in leftovers {
            fake_router.hold(port(number), holder, Some(Timestamp(until)));
        }
        let mut servers: Vec<Server> = (0..3).map(Server::new).collect();
        for server in &mut servers {
            server.tell(&Event::RouterFound, Timestamp(0));
        }
        for millis in (0..=60_000).step_by(250) {
            let now = Timestamp(millis);
            for server in &mut servers {
                if server.wake.is_some_and(|at| at <= now) {
                    server.tell(&Event::Tick, now);
                }
                server.settle(&mut fake_router, now);
            }
        }
        let now = Timestamp(60_000);
        let representatives =
            servers.iter().filter(|s| s.state.role(now) == Role::Representative).count();
        prop_assert_eq!(representatives, 1);
        prop_assert!(servers.iter().all(|s| s.state.role(now) != Role::Alone));
    }
}

//! Rotation, one rule a story: what the seed's claims 9 to 15 ask, and what an attacker gets.

use super::site::Site;
use super::*;

fn with(change: impl FnOnce(&mut Rules)) -> Rules {
    let mut rules = rules();
    change(&mut rules);
    rules
}

fn only(detection: Detection) -> Rules {
    with(|rules| rules.detection = [detection].into())
}

/// T as a number of tenths, for bounds in protocol time.
fn tenths(span: Duration) -> u128 {
    span.as_millis() * 10 / BEAT.as_millis()
}

#[test]
fn claim_13_a_withdrawal_is_answered_by_the_next_in_order_within_half_a_heartbeat() {
    let mut site = Site::of(4, only(Detection::Withdrawal), Access::Secure);
    assert_eq!(site.representatives(), [0]);
    site.tell(0, &Event::Leave);
    let took = site.run_until_another_than(&[0]);
    assert_eq!(site.representatives(), [1]);
    assert!(tenths(took) <= 5, "{took:?}");
    assert_eq!(site.cause(1), Cause::Withdrawal);
    site.run(BEAT * 60);
    assert_eq!(site.representatives(), [1], "and that lasts");
}

#[test]
fn claim_14_two_missed_inquiries_make_the_next_in_order_representative() {
    let mut site = Site::of(4, only(Detection::Heartbeat), Access::Open);
    site.kill(0);
    let took = site.run_until_another_than(&[0]);
    assert_eq!(site.representatives(), [1]);
    assert!((10..=30).contains(&tenths(took)), "{took:?}");
    assert_eq!(site.cause(1), Cause::MissedHeartbeats);
    assert_eq!(site.servers[1].state.term, Term(2));
}

#[test]
fn claim_14_with_a_limit_of_three_it_takes_one_heartbeat_more() {
    let mut site = Site::of(3, with(|rules| rules.missed_limit = 3), Access::Open);
    site.kill(0);
    let took = site.run_until_another_than(&[0]);
    assert!((20..=40).contains(&tenths(took)), "{took:?}");
}

#[test]
fn claim_15_two_unanswered_probes_are_enough_without_heartbeats() {
    let mut site = Site::of(4, only(Detection::Probe), Access::Open);
    site.kill(0);
    let took = site.run_until_another_than(&[0]);
    assert!((10..=60).contains(&tenths(took)), "{took:?}");
    let [new] = site.representatives()[..] else {
        panic!("{:?}", site.representatives());
    };
    assert_eq!(site.cause(new), Cause::UnansweredProbes);
    let intervals: std::collections::BTreeSet<_> = (1..4)
        .map(|who| {
            site.said.iter().find(|(_, by, message)| {
                *by == who && matches!(message, ElectionMessage::Probe { .. })
            })
        })
        .map(|said| said.map(|(at, ..)| *at))
        .collect();
    assert!(
        intervals.len() > 1,
        "they do not ask all at once: {intervals:?}"
    );
}

#[test]
fn two_die_together_and_the_next_but_one_takes_over() {
    for access in [Access::Open, Access::Secure] {
        let mut site = Site::of(4, rules(), access);
        site.kill(0);
        site.kill(1);
        let took = site.run_until_another_than(&[0]);
        assert_eq!(site.representatives(), [2], "¶77");
        let lease = LEASE.as_millis() * 10 / BEAT.as_millis();
        let most = match access {
            Access::Open => 40,
            Access::Secure => 40 + lease,
        };
        assert!(tenths(took) <= most, "{took:?}");
    }
}

#[test]
fn a_successor_that_dies_while_it_waits_for_the_lease_is_followed_by_the_next() {
    let mut site = Site::of(4, rules(), Access::Secure);
    site.kill(0);
    site.run(BEAT * 5);
    assert!(site.said.iter().any(|(_, who, message)| {
        *who == 1
            && matches!(
                message,
                ElectionMessage::Claim {
                    stage: ClaimStage::Acquiring,
                    ..
                }
            )
    }));
    site.kill(1);
    site.run_until_another_than(&[0]);
    assert_eq!(site.representatives(), [2]);
}

#[test]
fn a_failed_servers_lease_is_waited_for_without_a_polling_loop_where_it_cannot_be_deleted() {
    let mut site = Site::of(5, rules(), Access::Secure);
    site.kill(0);
    let (_, until) = site.fake_router.holder(port(8080), site.now).unwrap();
    let left = until.unwrap().after(site.now);
    let took = site.run_until_another_than(&[0]);
    assert!(took >= left && took <= left + BEAT, "{took:?} for {left:?}");
    assert_eq!(site.representatives(), [1]);
}

#[test]
fn claims_10_equal_random_waits_collide_and_a_second_round_ends_with_one() {
    let random = with(|rules| rules.succession = Succession::Random);
    let mut site = Site::of(3, random, Access::Open);
    site.entropy = Some(u64::MAX / 2);
    site.kill(0);
    while site.claims().len() < 2 {
        site.run(Duration::from_millis(1));
    }
    assert_eq!(site.claims(), [(1, 0), (2, 0)], "both in the first round");
    site.entropy = None;
    site.run_until_another_than(&[0]);
    let second = site.claims().iter().any(|(_, round)| *round == 1);
    assert!(
        second,
        "the trace shows the second round: {:?}",
        site.claims()
    );
    site.run(BEAT * 10);
    assert_eq!(site.representatives().len(), 1);
    assert_eq!(Some(site.representatives()[0]), site.holder());
}

#[test]
fn claims_10_waits_that_stay_equal_for_ever_still_end_with_one() {
    let random = with(|rules| rules.succession = Succession::Random);
    let mut site = Site::of(4, random, Access::Open);
    site.entropy = Some(u64::MAX / 3);
    site.kill(0);
    site.run_until_another_than(&[0]);
    site.run(BEAT * 10);
    assert_eq!(site.representatives().len(), 1);
}

#[test]
fn claims_12_the_rule_decides_between_two_that_claim_at_once() {
    let by_value = with(|rules| rules.succession = Succession::ServerValue);
    let mut site = Site::of(3, by_value, Access::Open);
    site.kill(0);
    site.run(BEAT);
    // Made equal: both stand, and both may speak now.
    for who in [1, 2] {
        let detector = site.servers[who].state.detector.take().expect("they watch");
        let state = &mut site.servers[who].state;
        state.vacancy = Some(Vacancy {
            cause: Cause::MissedHeartbeats,
            previous: detector.id,
            address: Some(detector.address),
            term: detector.term,
            since: site.now,
            silent_until: None,
            lapses_at: None,
        });
        state.candidacy = Candidacy::Waiting {
            claim_at: site.now + Duration::from_millis(3),
            round: 0,
        };
        site.servers[who].wake = Some(site.now + Duration::from_millis(3));
    }
    let first = (1..3)
        .min_by_key(|who| super::super::rules::server_value(InstanceId(*who as u64)))
        .unwrap();
    site.run_until_another_than(&[0]);
    assert_eq!(site.representatives(), [first]);
    assert_eq!(site.claims()[..2], [(1, 0), (2, 0)]);
    assert!(
        site.claims().contains(&(first, 1)),
        "the one that the rule names says so again: {:?}",
        site.claims()
    );
}

#[test]
fn a_returning_representative_does_not_preempt() {
    let mut site = Site::of(3, rules(), Access::Open);
    site.kill(0);
    site.run_until_another_than(&[0]);
    site.start(0);
    site.run(BEAT * 60);
    assert_eq!(site.representatives(), [1]);
    assert_eq!(site.servers[0].state.role(site.now), Role::Member);
}

#[test]
fn whoever_steps_down_first_gets_a_port_of_its_own_and_stays_in_the_fleet() {
    let mut site = Site::of(3, rules(), Access::Secure);
    site.tell(0, &Event::StepDown);
    let took = site.run_until_another_than(&[0]);
    assert!(tenths(took) <= 5, "{took:?}");
    assert_eq!(site.representatives(), [1]);
    assert_eq!(site.servers[0].state.role(site.now), Role::Member);
    site.run(BEAT * 90);
    assert_eq!(site.representatives(), [1], "it does not take it back");
}

#[test]
fn refutation_a_claim_against_a_live_representative_stops_before_the_router() {
    let mut site = Site::of(3, rules(), Access::Open);
    // One peer believes it gone: its ears were closed for a while.
    let cause = Cause::MissedHeartbeats;
    let detector = site.servers[2].state.detector.take().expect("it watches");
    site.servers[2].state.vacancy = Some(Vacancy {
        cause,
        previous: detector.id,
        address: Some(detector.address),
        term: detector.term,
        since: site.now,
        silent_until: Some(site.now + BEAT),
        lapses_at: None,
    });
    site.servers[2].state.candidacy = Candidacy::Waiting {
        claim_at: site.now,
        round: 0,
    };
    site.tell(2, &Event::Tick);
    site.run(BEAT * 3);
    assert_eq!(site.claims(), [(2, 0)]);
    assert_eq!(site.representatives(), [0]);
    assert_eq!(site.servers[2].state.candidacy, Candidacy::None);
}

#[test]
fn a_claim_with_a_huge_term_moves_nobody() {
    let mut site = Site::of(3, rules(), Access::Open);
    let before: Vec<_> = site.servers.iter().map(|s| s.state.term).collect();
    let message = ElectionMessage::Claim {
        term: Term(u64::MAX),
        round: 0,
        stage: ClaimStage::Acquiring,
        cause: Cause::Withdrawal,
    };
    for who in 0..3 {
        let from = Site::peer(9);
        site.tell(who, &Event::Heard { from, message });
    }
    site.run(BEAT * 5);
    assert_eq!(site.representatives(), [0]);
    let after: Vec<_> = site.servers.iter().map(|s| s.state.term).collect();
    assert_eq!(after, before);
}

#[test]
fn a_forged_withdrawal_ends_with_the_representative_still_leading() {
    // Unsigned LAN: the forger speaks with the representative's own id and address.
    let mut site = Site::of(3, rules(), Access::Open);
    let term = site.servers[0].state.term;
    let message = ElectionMessage::Withdrawal {
        term,
        of: InstanceId(0),
        former_role: FormerRole::Representative,
    };
    for who in [1, 2] {
        let from = Site::peer(0);
        site.tell(who, &Event::Heard { from, message });
    }
    site.run(BEAT * 10);
    assert_eq!(site.representatives(), [0]);
    assert_eq!(site.holder(), Some(0));
    assert_eq!(site.servers[0].state.term, term);
}

#[test]
fn s1d_the_farewell_of_another_that_led_makes_the_representative_look_at_its_mapping() {
    let (mut server, mut fake_router) = (Server::new(0), FakeRouter::default());
    server.tell(&Event::RouterFound, Timestamp(0));
    server.settle(&mut fake_router, Timestamp(0));
    let due = |server: &Server| server.state.leadership.expect("it leads").renew_at;
    let farewell = |former_role| Event::Heard {
        from: Peer {
            id: InstanceId(1),
            address: address(1),
        },
        message: ElectionMessage::Withdrawal {
            term: Term(0), // of before
            of: InstanceId(1),
            former_role,
        },
    };
    let (now, usual) = (Timestamp(0) + BEAT, due(&server));
    server.tell(&farewell(FormerRole::Member), now);
    assert_eq!(due(&server), usual);
    let effects = server.tell(&farewell(FormerRole::Representative), now);
    let asks = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Ask(_)));
    assert!(asks || due(&server) < now + BEAT, "{effects:?}");
}

#[test]
fn hearsay_of_a_farewell_is_worth_a_question_and_no_more() {
    let mut site = Site::of(3, rules(), Access::Open);
    let message = ElectionMessage::Withdrawal {
        term: Term(9),
        of: InstanceId(0),
        former_role: FormerRole::Representative,
    };
    let from = Site::peer(2);
    site.tell(1, &Event::Heard { from, message });
    assert_eq!(site.servers[1].state.vacancy, None);
    let asked = ElectionMessage::Probe {
        of: Some(InstanceId(0)),
    };
    assert!(
        site.said
            .iter()
            .any(|(_, who, said)| *who == 1 && *said == asked)
    );
}

#[test]
fn a_rival_with_a_higher_term_is_checked_with_the_router_and_leadership_goes_on_above_it() {
    let mut site = Site::of(2, rules(), Access::Secure);
    let from = Site::peer(9);
    let message = ElectionMessage::Inquiry {
        term: Term(7),
        cause: Cause::Free,
        held_ms: 0,
    };
    site.tell(0, &Event::Heard { from, message });
    site.run(BEAT);
    assert_eq!(site.representatives(), [0]);
    assert_eq!(site.servers[0].state.term, Term(8));
}

#[test]
fn s1d_the_wrongly_replaced_steps_down_when_it_hears_the_new_one() {
    let mut site = Site::of(3, rules(), Access::Open);
    let until = site.now + LEASE;
    site.fake_router.hold(port(8080), 9, Some(until));
    let from = Site::peer(9);
    let message = ElectionMessage::Inquiry {
        term: Term(2),
        cause: Cause::MissedHeartbeats,
        held_ms: 0,
    };
    site.tell(0, &Event::Heard { from, message });
    site.run(BEAT);
    assert!(site.representatives().is_empty());
}

#[test]
fn a_stuck_router_makes_the_successor_a_deputy_until_the_port_is_free() {
    let mut site = Site::of(3, rules(), Access::Secure);
    site.kill(0);
    // The router keeps it for ever.
    site.fake_router.hold(port(8080), 0, None);
    site.run(BEAT * 30);
    let deputy = ClaimStage::Deputy {
        port: Some(port(8081)),
    };
    assert_eq!(site.servers[1].state.stage(), deputy);
    assert!(matches!(
        site.servers[2].state.leader_view(site.now),
        LeaderView::Vacant { successor: Successor::Other(_, stage), .. } if stage == deputy
    ));
    // Somebody access it on the router's page; the next reading of the table shows it.
    site.fake_router.free(port(8080));
    let survey = site.fake_router.survey(1, site.now);
    site.tell(1, &survey);
    site.run(BEAT);
    assert_eq!(site.representatives(), [1]);
}

#[test]
fn a_dead_server_that_nobody_ever_heard_is_asked_before_its_endless_mapping_is_deleted() {
    let mut fake_router = FakeRouter::new(Access::Open);
    fake_router.hold(port(8080), 7, None);
    let mut site = Site::of(0, rules(), Access::Open);
    site.fake_router = fake_router;
    site.servers = vec![Server::new(0)];
    site.tell(0, &Event::RouterFound);
    let took = site.run_until_another_than(&[]);
    assert!(took > LEASE, "a lease's time is waited first: {took:?}");
    assert_eq!(site.holder(), Some(0));
    assert!(
        site.said
            .iter()
            .any(|(_, _, message)| *message == ElectionMessage::Probe { of: None })
    );
}

#[test]
fn a_table_with_one_place_left_does_not_keep_leadership_vacant() {
    let mut site = Site::of(2, rules(), Access::Open);
    let held = site.fake_router.holders(site.now).len();
    site.fake_router.limit(held);
    site.kill(0);
    // Somebody else took the place that fell free: the successor's own port is all the room there
    // is.
    site.fake_router.free(port(8080));
    site.fake_router.hold(port(9999), 9, None);
    site.run_until_another_than(&[0]);
    assert_eq!(site.representatives(), [1]);
    assert_eq!(site.servers[1].state.own, None);
}

#[test]
fn a_server_cut_off_from_everybody_asks_again_before_it_deletes_anything() {
    let mut site = Site::of(3, rules(), Access::Open);
    // Its cable is out: it hears nobody and reaches no router, long enough to believe the other
    // dead.
    site.tell(2, &Event::RouterLost);
    let held = std::mem::take(&mut site.servers[2]);
    let mut alone = Site::of(0, rules(), Access::Open);
    alone.servers = vec![Server::default(), Server::default(), held];
    alone.dead = vec![0, 1];
    alone.now = site.now;
    alone.run(BEAT * 20);
    site.run(BEAT * 20);
    site.servers[2] = std::mem::take(&mut alone.servers[2]);
    site.tell(2, &Event::RouterFound);
    site.run(BEAT * 20);
    assert_eq!(site.representatives(), [0]);
    assert_eq!(site.servers[0].state.term, Term(1));
}

#[test]
fn while_the_representative_lives_nobody_reaches_for_a_port_that_the_router_forgot() {
    let mut site = Site::of(3, rules(), Access::Open);
    site.fake_router.reboot();
    for who in [1, 2, 0] {
        site.tell(who, &Event::RouterFound);
    }
    site.run(BEAT * 3);
    assert_eq!(site.representatives(), [0]);
    assert_eq!(site.servers[0].state.term, Term(1));
}

#[test]
fn l2_after_a_split_heals_there_is_one_within_one_renewal_and_nobody_preempts() {
    for access in [Access::Secure, Access::Open] {
        let mut site = Site::of(4, rules(), access);
        site.apart = vec![2, 3];
        site.run(LEASE * 2);
        let holder = site.holder();
        site.apart.clear();
        site.run(Rules::renewal(LEASE) + BEAT);
        assert_eq!(site.representatives().len(), 1);
        assert_eq!(site.representatives().first().copied(), holder);
        site.run(LEASE * 2);
        assert_eq!(site.representatives().first().copied(), holder);
        assert!(
            site.servers
                .iter()
                .all(|s| s.state.term == site.servers[0].state.term),
            "all know the same term"
        );
    }
}

#[test]
fn a_newcomer_is_told_at_once_who_is_representative() {
    let mut site = Site::of(2, rules(), Access::Secure);
    let newcomer = Event::Reported {
        from: Site::peer(9),
        external: None,
        term: Term(0),
    };
    site.said.clear();
    site.tell(0, &newcomer);
    site.run(BEAT / 8);
    let inquired = |message: &ElectionMessage| matches!(message, ElectionMessage::Inquiry { .. });
    assert!(
        site.said
            .iter()
            .any(|(_, who, message)| *who == 0 && inquired(message))
    );
}

#[test]
fn when_somebody_frees_the_stuck_port_the_deputy_goes_first() {
    let mut site = Site::of(3, rules(), Access::Secure);
    site.kill(0);
    site.fake_router.hold(port(8080), 0, None);
    site.run(BEAT * 30);
    site.fake_router.free(port(8080));
    for who in [2, 1] {
        let survey = site.fake_router.survey(who, site.now);
        site.tell(who, &survey);
        site.run(BEAT / 2);
    }
    assert_eq!(site.representatives(), [1]);
}

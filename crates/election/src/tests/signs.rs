//! What a single message proves: a term that was led in, a holder that lives, a Claim that is none.

use super::*;

fn peer() -> Peer {
    Peer {
        id: InstanceId(9),
        address: address(9),
    }
}

fn heard(message: ElectionMessage) -> Event {
    let from = peer();
    Event::Heard { from, message }
}

/// It has claimed the place of one that only the router named.
fn claimant(candidacy: Candidacy) -> Server {
    let mut server = Server::new(0);
    server.state.term = Term(3);
    server.state.vacancy = Some(Vacancy {
        cause: Cause::UnansweredProbes,
        previous: None,
        address: Some(address(9)),
        term: Term(3),
        since: Timestamp(0),
        silent_until: Some(Timestamp(1_000)),
        lapses_at: None,
    });
    server.state.candidacy = candidacy;
    server
}

#[test]
fn s4_an_answer_to_a_question_of_an_earlier_life_tells_a_term_that_was_led_in() {
    let mut fake_router = FakeRouter::default();
    let mut server = Server::new(0);
    let reply = ElectionMessage::ProbeReply { term: Term(4) };
    server.tell(&heard(reply), Timestamp(0));
    server.tell(&Event::RouterFound, Timestamp(1));
    server.settle(&mut fake_router, Timestamp(1));
    assert_eq!(server.state.role(Timestamp(1)), Role::Representative);
    assert_eq!(server.state.term, Term(5));
}

#[test]
fn e1_a_holder_that_only_the_router_named_lives_when_it_is_heard_in_a_lower_term() {
    for sign in [
        ElectionMessage::Inquiry {
            term: Term(2),
            cause: Cause::Free,
            held_ms: 5_000,
        },
        ElectionMessage::ProbeReply { term: Term(2) },
    ] {
        let mut server = claimant(Candidacy::Claiming {
            until: Timestamp(100),
            round: 0,
        });
        server.tell(&heard(sign), Timestamp(10));
        let gave_way = matches!(server.state.candidacy, Candidacy::Waiting { .. });
        assert!(gave_way, "{sign:?}: {:?}", server.state.candidacy);
        let certain = server
            .state
            .vacancy
            .and_then(|vacancy| vacancy.silent_until);
        assert_eq!(certain, None, "{sign:?}: it is to be asked again");
    }
}

#[test]
fn claim_10_the_second_copy_of_a_claim_that_collided_makes_nobody_give_way() {
    let waiting = Candidacy::Waiting {
        claim_at: Timestamp(300),
        round: 1,
    };
    let claim = |round| {
        heard(ElectionMessage::Claim {
            term: Term(4),
            round,
            stage: ClaimStage::Claiming,
            cause: Cause::MissedHeartbeats,
        })
    };
    let mut server = claimant(waiting);
    server.tell(&claim(0), Timestamp(50));
    assert_eq!(server.state.candidacy, waiting);
    server.tell(&claim(1), Timestamp(60));
    assert!(matches!(server.state.candidacy, Candidacy::Yielding { .. }));
}

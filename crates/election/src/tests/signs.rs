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

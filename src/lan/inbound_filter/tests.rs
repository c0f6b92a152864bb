use proptest::prelude::*;

use super::super::message::tests::{HERE, any_body, message, report};
use super::*;
use crate::lan::{KeyMismatch, Nonce, RequestId};
use crate::site::AuthState;
use porthole_types::BootId;

const FROM: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 12);

fn filter(keys: &Arc<Keyring>) -> InboundFilter {
    let mut inbound_filter = InboundFilter::new(InstanceId(1), Arc::clone(keys), Instant::now());
    inbound_filter.set_address(HERE);
    inbound_filter
}

fn keys(key: &str) -> Arc<Keyring> {
    Arc::new(super::super::seal::tests::keys(key, ""))
}

fn sealed(keys: &Keyring, boot: u64, counter: u64) -> Vec<u8> {
    said(keys, boot, counter, report("Barn", "640×480"))
}

fn said(keys: &Keyring, boot: u64, counter: u64, body: Body) -> Vec<u8> {
    let message = Message {
        boot: BootId(boot),
        counter,
        ..message(body)
    };
    keys.seal(&message.to_json()).unwrap()
}

/// What this server asks a run that is not proven.
fn challenge(refused: Result<Message, Rejection>) -> Nonce {
    match refused {
        Err(Rejection::Unproven(reply)) => reply.challenge.expect("it is asked"),
        other => panic!("it should have been asked, and not {other:?}"),
    }
}

/// Lets a run show that it is there, with its message of this number.
fn prove(inbound_filter: &mut InboundFilter, keys: &Keyring, boot: u64, counter: u64) {
    let now = Instant::now();
    let asked = challenge(inbound_filter.admit(&sealed(keys, boot, counter), FROM, now));
    let proof = Handshake {
        challenge: None,
        proof: Some(asked),
    };
    let answer = said(keys, boot, counter, Body::Handshake(proof));
    assert!(inbound_filter.admit(&answer, FROM, now).is_ok());
}

/// A filter that has run 1 proven, by its message 0.
fn acquainted(keys: &Arc<Keyring>) -> InboundFilter {
    let mut inbound_filter = filter(keys);
    if keys.has_key() {
        prove(&mut inbound_filter, keys, 1, 0);
    }
    inbound_filter
}

#[test]
fn a_replayed_datagram_is_refused_also_from_another_address_and_after_a_restart_of_its_sender() {
    let keys = keys("one");
    let (mut inbound_filter, now) = (acquainted(&keys), Instant::now());
    let old = sealed(&keys, 1, 1);
    assert!(inbound_filter.admit(&old, FROM, now).is_ok());
    let elsewhere = Ipv4Addr::new(192, 168, 0, 66);
    assert_eq!(
        inbound_filter.admit(&old, elsewhere, now),
        Err(Rejection::Replay)
    );
    prove(&mut inbound_filter, &keys, 2, 1);
    challenge(inbound_filter.admit(&old, FROM, now));
    assert!(
        inbound_filter
            .admit(&sealed(&keys, 2, 2), FROM, now)
            .is_ok()
    );
}

/// The proof of attack: passwords and a name were recorded, and all cameras started again since.
#[test]
fn a_recording_of_any_age_does_nothing_after_all_have_been_restarted() {
    let keys = keys("one");
    let (mut before, now) = (acquainted(&keys), Instant::now());
    let rename = Body::Rename {
        request_id: RequestId(7),
        of: InstanceId(1),
        name: None,
    };
    let asked = Handshake {
        challenge: Some(Nonce(9)),
        proof: None,
    };
    let recorded: Vec<_> = [
        rename,
        Body::AuthState(AuthState::default()),
        Body::Handshake(asked),
    ]
    .into_iter()
    .zip(1..)
    .map(|(body, counter)| said(&keys, 1, counter, body))
    .collect();
    for datagram in &recorded {
        assert!(before.admit(datagram, FROM, now).is_ok());
    }
    let mut after = filter(&keys);
    for datagram in recorded.iter().chain(&recorded) {
        let refused = after.admit(datagram, FROM, now);
        assert!(
            matches!(refused, Err(Rejection::Unproven(_))),
            "{refused:?}"
        );
    }
    // Nor once the sender, too, is there again: in another run, or, where only this server was
    // restarted, in the same one.
    prove(&mut after, &keys, 2, 1);
    let mut same_run = filter(&keys);
    prove(&mut same_run, &keys, 1, 40);
    for inbound_filter in [&mut after, &mut same_run] {
        for datagram in &recorded {
            assert!(inbound_filter.admit(datagram, FROM, now).is_err());
        }
    }
}

#[test]
fn two_that_have_both_just_started_are_acquainted_after_three_datagrams() {
    let keys = keys("one");
    let now = Instant::now();
    let [one, two] = [(HERE, InstanceId(1)), (FROM, InstanceId(7))];
    let mut filters = [one, two].map(|(address, id)| {
        let mut inbound_filter = InboundFilter::new(id, Arc::clone(&keys), now);
        inbound_filter.set_address(address);
        inbound_filter
    });
    let say = |from: InstanceId, to, counter, body| {
        let message = Message {
            from,
            boot: BootId(from.0),
            counter,
            to: Some(to),
            body,
        };
        keys.seal(&message.to_json()).unwrap()
    };
    let reply = |refused: Result<Message, Rejection>| match refused {
        Err(Rejection::Unproven(reply)) => Body::Handshake(reply),
        Ok(Message {
            body: Body::Handshake(handshake),
            ..
        }) => Body::Handshake(handshake.answer().expect("it asks, too")),
        other => panic!("{other:?}"),
    };
    let first = say(two.1, one.0, 1, report("Barn", ""));
    let asks = reply(filters[0].admit(&first, two.0, now));
    let shows_and_asks = reply(filters[1].admit(&say(one.1, two.0, 1, asks), one.0, now));
    let shows = reply(filters[0].admit(&say(two.1, one.0, 2, shows_and_asks), two.0, now));
    let done = filters[1].admit(&say(one.1, two.0, 2, shows), one.0, now);
    assert!(done.is_ok(), "{done:?}");
    for (at, (from, to)) in [(0, (two, one)), (1, (one, two))] {
        let heard = filters[at].admit(&say(from.1, to.0, 3, report("Barn", "")), from.0, now);
        assert!(heard.is_ok(), "{heard:?}");
    }
}

#[test]
fn a_flood_of_recordings_has_few_challenges_sent_and_does_not_silence_who_is_there() {
    let keys = keys("one");
    let (mut inbound_filter, now) = (filter(&keys), Instant::now());
    let elsewhere = Ipv4Addr::new(192, 168, 0, 66);
    let asked = (0..10_000)
        .filter(|n| {
            let refused = inbound_filter.admit(&sealed(&keys, 9, *n), elsewhere, now);
            matches!(refused, Err(Rejection::Unproven(_)))
        })
        .count();
    assert!(asked <= 100, "{asked}");
    prove(&mut inbound_filter, &keys, 1, 1);
    assert!(
        inbound_filter
            .admit(&sealed(&keys, 1, 2), FROM, now)
            .is_ok()
    );
}

#[test]
fn what_was_sent_to_one_address_is_refused_at_every_other() {
    let keys = keys("one");
    let (mut inbound_filter, now) = (acquainted(&keys), Instant::now());
    inbound_filter.set_address(Ipv4Addr::new(192, 168, 0, 13));
    let refused = inbound_filter.admit(&sealed(&keys, 1, 1), FROM, now);
    assert_eq!(refused, Err(Rejection::Replay));
    inbound_filter.set_address(HERE);
    assert!(
        inbound_filter
            .admit(&sealed(&keys, 1, 1), FROM, now)
            .is_ok()
    );
}

#[test]
fn datagrams_may_overtake_each_other() {
    let keys = keys("one");
    let (mut inbound_filter, now) = (acquainted(&keys), Instant::now());
    for counter in [3, 1, 40, 2, 39, 4] {
        let heard = inbound_filter.admit(&sealed(&keys, 1, counter), FROM, now);
        assert_eq!(heard.unwrap().counter, counter);
    }
}

#[test]
fn without_a_key_no_forged_number_silences_a_server() {
    let keys = keys("");
    let (mut inbound_filter, now) = (filter(&keys), Instant::now());
    let forged = sealed(&keys, u64::MAX, u64::MAX);
    assert!(inbound_filter.admit(&forged, FROM, now).is_ok());
    assert!(
        inbound_filter
            .admit(&sealed(&keys, 1, 1), FROM, now)
            .is_ok()
    );
}

#[test]
fn ones_own_message_is_told_apart_and_not_counted() {
    let keys = keys("one");
    let mut inbound_filter = InboundFilter::new(
        message(report("", "")).from,
        Arc::clone(&keys),
        Instant::now(),
    );
    let own = inbound_filter.admit(&sealed(&keys, 1, 1), FROM, Instant::now());
    assert_eq!(own, Err(Rejection::OwnMessage));
    assert_eq!(Rejection::OwnMessage.reason(), None);
}

#[test]
fn what_is_too_long_is_refused_before_its_signature_is_computed() {
    let keys = keys("one");
    let long = vec![0; MAX_DATAGRAM + 1];
    let refused = filter(&keys).admit(&long, FROM, Instant::now());
    assert_eq!(refused, Err(Rejection::TooLong));
}

#[test]
fn a_flood_in_the_name_of_a_cameras_address_does_not_silence_it_where_there_is_a_key() {
    let keys = keys("one");
    let (mut inbound_filter, now) = (acquainted(&keys), Instant::now());
    let (forged, old) = (of_another_site(), sealed(&keys, 1, 1));
    assert!(inbound_filter.admit(&old, FROM, now).is_ok());
    for _ in 0..10_000 {
        let refused = inbound_filter.admit(&forged, FROM, now);
        assert_eq!(refused, Err(KeyMismatch::Another.into()));
        assert_eq!(
            inbound_filter.admit(&old, FROM, now),
            Err(Rejection::Replay)
        );
    }
    assert!(
        inbound_filter
            .admit(&sealed(&keys, 1, 2), FROM, now)
            .is_ok()
    );
}

#[test]
fn without_a_key_an_address_may_send_so_much_and_no_more() {
    let keys = keys("");
    let (mut inbound_filter, now) = (filter(&keys), Instant::now());
    let heard: Vec<_> = (0..1000)
        .map(|n| inbound_filter.admit(&sealed(&keys, 1, n), FROM, now))
        .collect();
    assert!(heard[0].is_ok());
    assert_eq!(heard[999], Err(Rejection::TooMany));
}

fn of_another_site() -> Vec<u8> {
    sealed(&keys("other"), 1, 1)
}

/// With or without a key.
fn any_keys() -> impl Strategy<Value = Arc<Keyring>> {
    prop_oneof![Just("one"), Just("")].prop_map(keys)
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.has_key() { "a key" } else { "no key" })
    }
}

proptest! {
    #[test]
    fn what_one_sends_the_other_admits(keys in any_keys(), body in any_body()) {
        let said = Message { boot: BootId(1), ..message(body) };
        let datagram = keys.seal(&said.to_json()).unwrap();
        let heard = acquainted(&keys).admit(&datagram, FROM, Instant::now());
        prop_assert_eq!(heard, Ok(said));
    }

    #[test]
    fn noise_is_refused_without_a_panic(
        keys in any_keys(),
        datagram in prop::collection::vec(any::<u8>(), 0..1400),
    ) {
        prop_assert!(filter(&keys).admit(&datagram, FROM, Instant::now()).is_err());
    }

    #[test]
    fn noise_in_a_good_frame_is_refused_without_a_panic(
        keys in any_keys(),
        json in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let refused = filter(&keys).admit(&keys.seal(&json).unwrap(), FROM, Instant::now());
        prop_assert_eq!(refused, Err(Rejection::Malformed));
    }

    #[test]
    fn with_a_key_a_message_with_any_bit_turned_or_byte_cut_is_refused(
        body in any_body(),
        at in any::<prop::sample::Index>(),
    ) {
        let keys = keys("one");
        let said = keys.seal(&message(body).to_json()).unwrap();
        let mut turned = said.clone();
        let bit = at.index(said.len() * 8);
        turned[bit / 8] ^= 1 << (bit % 8);
        for datagram in [&turned[..], &said[..at.index(said.len())]] {
            prop_assert!(filter(&keys).admit(datagram, FROM, Instant::now()).is_err());
        }
    }

    #[test]
    fn without_a_key_a_mutated_message_never_panics_the_reader(
        body in any_body(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let keys = keys("");
        let mut said = keys.seal(&message(body).to_json()).unwrap();
        let at = at.index(said.len());
        said[at] = byte;
        let _ = filter(&keys).admit(&said, FROM, Instant::now());
    }
}

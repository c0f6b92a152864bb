use proptest::prelude::*;

use super::super::message::tests::{HERE, any_body, message, report};
use super::*;
use crate::lan::KeyMismatch;
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
    let said = Message {
        boot: BootId(boot),
        counter,
        ..message(report("Barn", "640×480"))
    };
    keys.seal(&said.to_json())
}

#[test]
fn a_replayed_datagram_is_refused_also_from_another_address_and_after_a_restart_of_its_sender() {
    let keys = keys("one");
    let (mut inbound_filter, now) = (filter(&keys), Instant::now());
    let (old, new) = (sealed(&keys, 1, 1), sealed(&keys, 2, 1));
    assert!(inbound_filter.admit(&old, FROM, now).is_ok());
    let elsewhere = Ipv4Addr::new(192, 168, 0, 66);
    assert_eq!(
        inbound_filter.admit(&old, elsewhere, now),
        Err(Rejection::Replay)
    );
    assert!(inbound_filter.admit(&new, FROM, now).is_ok());
    assert_eq!(
        inbound_filter.admit(&old, FROM, now),
        Err(Rejection::Replay)
    );
}

#[test]
fn what_was_sent_to_one_address_is_refused_at_every_other() {
    let keys = keys("one");
    let (mut inbound_filter, now) = (filter(&keys), Instant::now());
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
    let (mut inbound_filter, now) = (filter(&keys), Instant::now());
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
    let (mut inbound_filter, now) = (filter(&keys), Instant::now());
    let (forged, old) = (of_another_site(), sealed(&keys, 1, 1));
    assert!(inbound_filter.admit(&old, FROM, now).is_ok());
    for _ in 0..10_000 {
        let refused = inbound_filter.admit(&forged, FROM, now);
        assert_eq!(refused, Err(Rejection::Key(KeyMismatch::Another)));
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
        let said = message(body);
        let heard = filter(&keys).admit(&keys.seal(&said.to_json()), FROM, Instant::now());
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
        let refused = filter(&keys).admit(&keys.seal(&json), FROM, Instant::now());
        prop_assert_eq!(refused, Err(Rejection::Malformed));
    }

    #[test]
    fn with_a_key_a_message_with_any_bit_turned_or_byte_cut_is_refused(
        body in any_body(),
        at in any::<prop::sample::Index>(),
    ) {
        let keys = keys("one");
        let said = keys.seal(&message(body).to_json());
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
        let mut said = keys.seal(&message(body).to_json());
        let at = at.index(said.len());
        said[at] = byte;
        let _ = filter(&keys).admit(&said, FROM, Instant::now());
    }
}

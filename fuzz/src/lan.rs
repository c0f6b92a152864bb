//! Datagrams of other servers, before and after the site's key has been looked at.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use porthole::lan::{Body, Handshake, InboundFilter, Keyring, MAX_DATAGRAM, Message, Rejection};
use porthole::settings::{Secret, Site};
use porthole::site::AuthState;
use porthole_types::InstanceId;

const ME: InstanceId = InstanceId(1);
const FROM: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 12);
/// Where the kept messages are sent to.
const HERE: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 11);

/// Digits that the next number may have more.
const LONGEST_COUNTER: usize = 1;

/// Texts of a report, in characters.
const LONGEST_TEXT: usize = 144;

fn keyring(key: Option<&str>) -> Arc<Keyring> {
    Arc::new(Keyring::new(&Site {
        key: key.map(|key| Secret::new(key.to_owned())),
        previous_key: None,
    }))
}

fn filter(keys: &Arc<Keyring>, now: Instant) -> InboundFilter {
    let mut filter = InboundFilter::new(ME, Arc::clone(keys), now);
    filter.set_address(HERE);
    filter
}

/// A datagram from anybody. With a key nothing counts that was not made with it, nor what was
/// changed by a byte; without one what counts is a message as any other.
pub fn datagram(bytes: &[u8]) -> bool {
    let now = Instant::now();
    let keys = keyring(Some("a key that no input has"));
    let forged = filter(&keys, now).admit(bytes, FROM, now);
    assert!(forged.is_err(), "made without the key: {forged:?}");
    changed(&keys, bytes, now);

    let open = keyring(None);
    match filter(&open, now).admit(bytes, FROM, now) {
        Ok(message) => {
            assert!(bytes.len() <= MAX_DATAGRAM);
            kept(&message);
            true
        }
        Err(why) => {
            assert!(!why.to_string().is_empty());
            false
        }
    }
}

/// Seals what follows the first three bytes, and changes one byte as those say.
fn changed(keys: &Arc<Keyring>, bytes: &[u8], now: Instant) {
    let Some((&[high, low, change], json)) = bytes.split_first_chunk() else {
        return;
    };
    let Ok(mut sealed) = keys.seal(json) else {
        return; // no randomness
    };
    let at = usize::from(u16::from_be_bytes([high, low])) % sealed.len();
    sealed[at] ^= change;
    if change != 0 {
        let admitted = filter(keys, now).admit(&sealed, FROM, now);
        assert!(admitted.is_err(), "byte {at} of {sealed:?} was changed");
    }
}

/// A message from somebody who has the key.
pub fn message(json: &[u8]) -> bool {
    let Ok(message) = Message::from_json(json) else {
        return false;
    };
    kept(&message);
    // Sealed, it comes through once its run has shown that it is there, and once; unless it is the
    // receiver's own or for somebody else.
    let (keys, now) = (keyring(Some("the key of the site")), Instant::now());
    let mut filter = filter(&keys, now);
    let for_me = message.to.is_none_or(|to| to == HERE) && message.from != ME;
    let first = said(&keys, &message, message.counter, message.body.clone());
    let asked = filter.admit(&first, FROM, now);
    let fits = first.len() < MAX_DATAGRAM - LONGEST_COUNTER;
    let (true, true, Some(next)) = (for_me, fits, message.counter.checked_add(1)) else {
        assert!(asked.is_err(), "{message:?}");
        return true;
    };
    let Err(Rejection::Unproven(reply)) = asked else {
        panic!("it was not asked: {asked:?}");
    };
    let proof = Body::Handshake(Handshake {
        challenge: None,
        proof: reply.challenge,
    });
    let proof = said(&keys, &message, message.counter, proof);
    assert!(filter.admit(&proof, FROM, now).is_ok());
    assert!(
        filter.admit(&first, FROM, now).is_err(),
        "it is from before"
    );
    let second = said(&keys, &message, next, message.body.clone());
    let admitted = filter.admit(&second, FROM, now).map(|it| it.body);
    assert_eq!(admitted.as_ref(), Ok(&message.body));
    let again = filter.admit(&second, FROM, now);
    assert!(again.is_err(), "it counts twice: {again:?}");
    true
}

/// What the sender of a message says with this number, sealed.
fn said(keys: &Keyring, of: &Message, counter: u64, body: Body) -> Vec<u8> {
    let message = Message {
        counter,
        body,
        ..of.clone()
    };
    keys.seal(&message.to_json())
        .expect("the kernel has randomness")
}

/// What is kept of a message: bounded, and the same when it is sent on.
fn kept(message: &Message) {
    let written = message.to_json();
    let again = Message::from_json(&written);
    assert_eq!(again.as_ref(), Ok(message));
    match &message.body {
        Body::Report(report) => in_a_line(&report.name),
        Body::Refused { why, .. } => in_a_line(why),
        Body::AuthState(heard) => merged(heard),
        _ => {}
    }
}

fn in_a_line(text: &str) {
    assert!(text.chars().count() <= LONGEST_TEXT, "{text}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// Merging is what makes all cameras know the same: neither order nor repetition matters.
fn merged(heard: &AuthState) {
    let mut once = AuthState::default();
    once.merge(heard);
    let mut twice = once.clone();
    twice.merge(heard);
    assert_eq!(once, twice);
    assert_eq!(once.digest(), twice.digest());
    let mut pieces = AuthState::default();
    for piece in once.fragments().iter().rev() {
        pieces.merge(piece);
    }
    assert_eq!(pieces, once);
}

use proptest::prelude::*;

use super::*;
use crate::fleet::{Occasion, Scheme};
use crate::lan::{MAX_JSON, Nonce};
use crate::site::{Ended, Passwords, SessionId};
use porthole_election::{Cause, ClaimStage, FormerRole};
use porthole_types::{ExternalPort, InternalPort, Term};

/// Where these messages are sent to; its text is as long as an address can be.
pub const HERE: Ipv4Addr = Ipv4Addr::new(192, 168, 177, 211);

pub fn report(name: &str, detail: &str) -> Body {
    Body::Report(Report {
        name: name.into(),
        http_port: InternalPort::new(u16::MAX).unwrap(),
        external: ExternalPort::new(u16::MAX),
        term: Term(u64::MAX),
        activity: Activity::Failed(detail.into()),
        scheme: Scheme::Https,
        occasion: Occasion::Unasked,
        auth_state: u32::MAX,
    })
}

pub fn message(body: Body) -> Message {
    Message {
        from: InstanceId(7),
        boot: BootId(u64::MAX),
        counter: u64::MAX,
        to: Some(HERE),
        body,
    }
}

pub fn any_body() -> impl Strategy<Value = Body> {
    let cause = prop_oneof![Just(Cause::Free), Just(Cause::MissedHeartbeats)];
    let term = any::<u64>().prop_map(Term);
    let stage = prop_oneof![
        Just(ClaimStage::Claiming),
        Just(ClaimStage::Acquiring),
        any::<u16>().prop_map(|port| ClaimStage::Deputy {
            port: ExternalPort::new(port)
        })
    ];
    let former_role = prop_oneof![Just(FormerRole::Representative), Just(FormerRole::Member)];
    let id = any::<u64>().prop_map(InstanceId);
    prop_oneof![
        ("[^\\p{Cc}]{0,64}", "[^\\p{Cc}]{0,40}").prop_map(|(name, detail)| report(&name, &detail)),
        (term.clone(), cause.clone(), any::<u64>()).prop_map(|(term, cause, held_ms)| {
            Body::Election(ElectionMessage::Inquiry {
                term,
                cause,
                held_ms,
            })
        }),
        (term.clone(), any::<u32>(), stage, cause).prop_map(|(term, round, stage, cause)| {
            Body::Election(ElectionMessage::Claim {
                term,
                round,
                stage,
                cause,
            })
        }),
        (term.clone(), id.clone(), former_role).prop_map(|(term, of, former_role)| {
            Body::Election(ElectionMessage::Withdrawal {
                term,
                of,
                former_role,
            })
        }),
        prop::option::of(id).prop_map(|of| Body::Election(ElectionMessage::Probe { of })),
        term.prop_map(|term| Body::Election(ElectionMessage::ProbeReply { term })),
        any_request(),
        any::<prop::sample::Index>()
            .prop_map(|piece| Body::AuthState(piece.get(&auth_state().fragments()).clone())),
        any_handshake(),
    ]
}

fn any_handshake() -> impl Strategy<Value = Body> {
    let nonce = || prop::option::of(any::<u64>().prop_map(Nonce));
    let handshake = (nonce(), nonce());
    handshake.prop_map(|(challenge, proof)| Body::Handshake(Handshake { challenge, proof }))
}

fn any_request() -> impl Strategy<Value = Body> {
    let (request_id, of) = (
        any::<u64>().prop_map(RequestId),
        any::<u64>().prop_map(InstanceId),
    );
    let name = prop::option::of("[a-zé門\"]{1,64}")
        .prop_map(|name| name.map(|name| Name::new(&name).expect("letters are a name")));
    (request_id, of, name, 0..3).prop_map(|(request_id, of, name, which)| match which {
        0 => Body::Rename {
            request_id,
            of,
            name,
        },
        1 => Body::Done { request_id, of },
        _ => Body::Refused {
            request_id,
            of,
            why: "the disk is full".to_owned(),
        },
    })
}

/// As long as they come: hashes such as argon2 makes.
fn auth_state() -> AuthState {
    let hash = |filler: &str| {
        let (salt, hash) = (filler.repeat(22), filler.repeat(43));
        Some(format!("$argon2id$v=19$m=65536,t=3,p=4${salt}${hash}"))
    };
    let ended = Ended {
        era: u64::MAX,
        floor: u64::MAX - 1,
        list: (0..64)
            .map(|id| (SessionId(u128::MAX - id), u64::MAX))
            .collect(),
    };
    AuthState {
        passwords: Some(Passwords {
            epoch: 0,
            generation: u64::MAX,
            changed_at: u64::MAX,
            viewer: hash("v"),
            admin: hash("a"),
        }),
        ended: ended.clone(),
        ended_viewers: ended,
    }
}

#[test]
fn each_piece_of_what_is_known_about_logins_fits_a_datagram() {
    let pieces = auth_state().fragments();
    assert!(pieces.len() > 2);
    for piece in pieces {
        let json = message(Body::AuthState(piece)).to_json();
        assert!(json.len() <= MAX_JSON, "{} bytes", json.len());
    }
}

#[test]
fn a_long_refusal_and_the_longest_name_fit_a_datagram() {
    let (request_id, of) = (RequestId(u64::MAX), InstanceId(u64::MAX));
    let why = "\"".repeat(2000);
    let name = Name::new(&"\u{1F4F7}".repeat(64)).ok();
    for body in [
        Body::Refused {
            request_id,
            of,
            why,
        },
        Body::Rename {
            request_id,
            of,
            name,
        },
    ] {
        let json = message(body).to_json();
        assert!(json.len() <= MAX_JSON, "{} bytes", json.len());
        assert!(Message::from_json(&json).is_ok());
    }
}

#[test]
fn a_name_that_people_may_not_give_is_no_message() {
    let json = message(Body::Rename {
        request_id: RequestId(1),
        of: InstanceId(2),
        name: Name::new("Barn").ok(),
    })
    .to_json();
    let json = String::from_utf8(json).unwrap();
    for bad in ["", "Barn\\u001b[31m", "\u{202e}nraB"] {
        let bad = json.replace("Barn", bad);
        let read = Message::from_json(bad.as_bytes());
        assert_eq!(read, Err(Rejection::Malformed), "{bad}");
    }
}

#[test]
fn the_longest_report_still_fits_a_datagram() {
    // Four bytes a character is the worst that UTF-8 does, a quotation mark the worst of JSON.
    for character in ["\u{1F4F7}", "\"", "\u{7f}"] {
        let long = message(report(&character.repeat(500), &character.repeat(500)));
        let json = long.to_json();
        assert!(json.len() <= MAX_JSON, "{} bytes", json.len());
        assert!(Message::from_json(&json).is_ok());
    }
}

#[test]
fn control_characters_do_not_come_through() {
    let json = message(report("a\u{1b}[31mb\n", "x")).to_json();
    let Body::Report(read) = Message::from_json(&json).unwrap().body else {
        panic!("a report was sent");
    };
    assert_eq!(read.name, "a[31mb");
}

#[test]
fn the_names_in_the_json_are_those_of_version_2_of_the_protocol() {
    let (request_id, of) = (RequestId(1), InstanceId(2));
    let (term, cause) = (Term(3), Cause::MissedHeartbeats);
    let claim = |stage| {
        Body::Election(ElectionMessage::Claim {
            term,
            round: 0,
            stage,
            cause,
        })
    };
    let withdrawal = Body::Election(ElectionMessage::Withdrawal {
        term,
        of,
        former_role: FormerRole::Member,
    });
    let name = None;
    let rename = Body::Rename {
        request_id,
        of,
        name,
    };
    let claimed = |stage: &str| {
        let fields = r#""term":3,"round":0"#;
        let cause = r#""cause":"missed-heartbeats""#;
        format!(r#"{{"election":{{"claim":{{{fields},"stage":{stage},{cause}}}}}}}"#)
    };
    for (body, expected) in [
        (claim(ClaimStage::Claiming), claimed(r#""claiming""#)),
        (claim(ClaimStage::Acquiring), claimed(r#""acquiring""#)),
        (
            withdrawal,
            concat!(
                r#"{"election":{"withdrawal":"#,
                r#"{"term":3,"of":"0000000000000002","former_role":"member"}}}"#,
            )
            .to_owned(),
        ),
        (
            rename,
            r#"{"rename":{"request_id":1,"of":"0000000000000002","name":null}}"#.to_owned(),
        ),
        (
            Body::Done { request_id, of },
            r#"{"done":{"request_id":1,"of":"0000000000000002"}}"#.to_owned(),
        ),
        (
            Body::AuthState(AuthState::default()),
            r#"{"auth_state":{}}"#.to_owned(),
        ),
        (
            Body::Handshake(Handshake {
                challenge: Some(Nonce(7)),
                proof: None,
            }),
            r#"{"handshake":{"challenge":7,"proof":null}}"#.to_owned(),
        ),
    ] {
        assert_eq!(serde_json::to_string(&body).unwrap(), expected);
    }
    let report = serde_json::to_string(&report("Barn", "")).unwrap();
    assert!(report.contains(r#""auth_state":4294967295"#), "{report}");
}

proptest! {
    #[test]
    fn what_is_sent_is_what_is_read(body in any_body()) {
        let sent = message(body);
        prop_assert_eq!(Message::from_json(&sent.to_json()).unwrap(), sent);
    }
}

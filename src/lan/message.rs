//! The messages, and reading them without trusting them.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Rejected, RequestId};
use crate::fleet::{Activity, Scheme};
use crate::metrics::Kind;
use crate::site::AuthState;
use porthole_election::ElectionMessage;
use porthole_types::{BootId, ExternalPort, InstanceId, InternalPort, Term};
use porthole_types::{MAX_NAME, Name};

/// Longest line about what a camera is doing, in characters.
const MAX_DETAIL: usize = 144;

/// One message: who says it, the how-manieth it is of this run of the program, and what is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub from: InstanceId,
    /// Which run of the speaker's program; rises with each start.
    pub boot: BootId,
    /// Rises with each message of the run, so that none counts twice.
    pub counter: u64,
    /// The one address that it was sent to, if not to all: elsewhere it is no news but somebody's
    /// trick.
    pub to: Option<Ipv4Addr>,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// The speaker, of itself.
    Report(Report),
    /// A word about the office.
    Election(ElectionMessage),
    /// To one server: it is to take this name, or with none that of its settings (¶53).
    Rename {
        /// Which request this is; the same when it is repeated.
        request_id: RequestId,
        /// Who is meant: two servers may share an address.
        of: InstanceId,
        /// Its new name.
        name: Option<Name>,
    },
    /// To who asked: it is done, and on the disk.
    Done {
        /// Which request.
        request_id: RequestId,
        /// Who asked.
        of: InstanceId,
    },
    /// To who asked: it was not done.
    Refused {
        /// Which request.
        request_id: RequestId,
        /// Who asked.
        of: InstanceId,
        /// Why, in words.
        why: String,
    },
    /// Something that the speaker knows about logins. Said and believed only where there is a site
    /// key.
    AuthState(AuthState),
}

/// "This is me, and there I can be reached" (¶47: the port number notice).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its name, at most 64 characters.
    pub name: String,
    /// Its web server's port on the LAN; the address is the datagram's own.
    pub http_port: InternalPort,
    /// Its port on the router, if it has one.
    pub external: Option<ExternalPort>,
    /// The highest term it knows of.
    pub term: Term,
    /// What its camera is doing.
    pub activity: Activity,
    /// Whether its web server speaks TLS.
    pub scheme: Scheme,
    /// Whether it was asked.
    pub occasion: Occasion,
    /// A digest of what it knows about logins ([`crate::site::AuthState::digest`]), so that a
    /// difference is noticed.
    pub auth_state: u32,
}

/// Whether a report answers an Inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// It does (Embodiment 2).
    Asked,
    /// It comes by itself (¶47, ¶64).
    Unasked,
}

impl Message {
    /// As JSON, cut to what is allowed rather than refused: one's own long name must not silence
    /// one.
    pub fn to_json(&self) -> Vec<u8> {
        let mut message = self.clone();
        message.body.sanitise();
        // Structs of strings and numbers always serialise; an empty message would be passed over.
        serde_json::to_vec(&message).unwrap_or_default()
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`Rejected::Malformed`] for whatever is not one whole message.
    pub fn from_json(json: &[u8]) -> Result<Self, Rejected> {
        let mut message: Self = serde_json::from_slice(json).map_err(|_| Rejected::Malformed)?;
        message.body.sanitise();
        Ok(message)
    }
}

impl Body {
    /// What metrics count it as.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Report(_) => Kind::Report,
            Self::Election(ElectionMessage::Inquiry { .. }) => Kind::Inquiry,
            Self::Election(ElectionMessage::Claim { .. }) => Kind::Claim,
            Self::Election(ElectionMessage::Withdrawal { .. }) => Kind::Withdrawal,
            Self::Election(ElectionMessage::Probe { .. }) => Kind::Probe,
            Self::Election(ElectionMessage::ProbeReply { .. }) => Kind::ProbeReply,
            Self::Rename { .. } => Kind::Rename,
            Self::Done { .. } => Kind::Done,
            Self::Refused { .. } => Kind::Refused,
            Self::AuthState(_) => Kind::AuthState,
        }
    }

    /// Texts from the LAN end up on pages and in logs: no control characters, and no longer than
    /// allowed.
    fn sanitise(&mut self) {
        match self {
            Self::Report(report) => {
                report.name = sanitised(&report.name, MAX_NAME);
                if let Activity::Live(detail) | Activity::Failed(detail) = &mut report.activity {
                    *detail = sanitised(detail, MAX_DETAIL);
                }
            }
            Self::Refused { why, .. } => *why = sanitised(why, MAX_DETAIL),
            // A name is checked as it is read; facts are known to come from a holder of the key.
            Self::Election(_) | Self::Rename { .. } | Self::Done { .. } | Self::AuthState(_) => {}
        }
    }
}

fn sanitised(text: &str, longest: usize) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(longest)
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lan::MAX_JSON;
    use crate::site::{Passwords, SessionId};
    use porthole_election::{Cause, ClaimStage, FormerRole};

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
            ("[^\\p{Cc}]{0,64}", "[^\\p{Cc}]{0,40}")
                .prop_map(|(name, detail)| report(&name, &detail)),
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
            any_errand(),
            any::<prop::sample::Index>()
                .prop_map(|piece| Body::AuthState(piece.get(&auth_state().fragments()).clone())),
        ]
    }

    fn any_errand() -> impl Strategy<Value = Body> {
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
        AuthState {
            passwords: Some(Passwords {
                changed_at: u64::MAX,
                viewer: hash("v"),
                admin: hash("a").unwrap_or_default(),
            }),
            revocations: (0..64)
                .map(|id| (SessionId(u128::MAX - id), u64::MAX))
                .collect(),
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
            assert_eq!(read, Err(Rejected::Malformed), "{bad}");
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

    proptest! {
        #[test]
        fn what_is_sent_is_what_is_read(body in any_body()) {
            let sent = message(body);
            prop_assert_eq!(Message::from_json(&sent.to_json()).unwrap(), sent);
        }
    }
}

//! Between the terms of the rules and those of the router: what a [`Request`] asks, and what the
//! answer means.

use std::time::{Duration, Instant};

use tracing::warn;

use crate::messages::router::{AskRouter, MappingKind};
use porthole_election::{self as election, Event, Owner, OwnerKind, Request, Timestamp};
use porthole_gateway::verified::{self, Learned};
use porthole_gateway::{
    Connection, Countdowns, DeleteRight, Description, Error, Gateway, Granted, Lease, MappingEntry,
    MappingRequest, Showing,
};

/// `ActionFailed` (UPnP Device Architecture, table 3-3).
const ACTION_FAILED: u16 = 501;

/// `ConflictInMappingEntry` (WANIPConnection:2, section 2.5.16).
const CONFLICT: u16 = 718;

/// What became of a request that the router could be asked.
pub(super) enum Answer {
    /// Whether the port asked for with [`Request::Secure`] is mapped now.
    Secured(verified::SecureOutcome),
    /// Whether the mapping of [`Request::Release`] is gone.
    Released(verified::Release),
    /// Whether the failed server's mapping of [`Request::Evict`] is gone.
    Evicted(verified::Eviction),
}

/// Asks the router what the rules want.
pub(super) async fn to(
    router: &dyn Gateway,
    ask: &AskRouter,
    learned: &mut Learned,
) -> Result<Answer, Error> {
    let description = Description::for_name(&ask.name);
    let mapping = |port, lease: Duration| MappingRequest {
        external: port,
        internal: ask.internal,
        lease: in_seconds(lease),
        description: description.clone(),
    };
    match ask.request {
        Request::Secure { port, lease, asked } => {
            let request = mapping(port, lease);
            let asked = match asked {
                election::Asked::First => verified::Asked::First,
                election::Asked::Again => verified::Asked::Again,
            };
            let outcome = match ask.mapping {
                // Not for a moment may the representative port be free.
                MappingKind::Representative => {
                    verified::secure(router, &request, asked, learned).await
                }
                MappingKind::Own => {
                    verified::secure_renamed(router, &request, asked, learned).await
                }
            };
            outcome.map(Answer::Secured)
        }
        Request::Remake { port, lease } => {
            let made = verified::remake(router, &mapping(port, lease), learned).await;
            made.map(Answer::Secured)
        }
        Request::Release(port) => {
            let mapping = verified::Released {
                port,
                internal: ask.internal,
                description: &description,
            };
            let release = verified::release(router, mapping, learned).await;
            release.map(Answer::Released)
        }
        Request::Evict { port, from } => {
            let eviction = verified::evict(router, port, from, ask.internal).await;
            eviction.map(Answer::Evicted)
        }
    }
}

fn in_seconds(lease: Duration) -> Lease {
    Lease::from_seconds(u32::try_from(lease.as_secs()).unwrap_or(u32::MAX))
}

impl Answer {
    /// The mapping that was made, if one was, for so long as was wanted.
    pub(super) fn granted(&self, request: Request) -> Option<Granted> {
        let (Request::Secure { .. } | Request::Remake { .. }) = request else {
            return None;
        };
        let Self::Secured(verified::SecureOutcome::Ours(grant)) = self else {
            return None;
        };
        let readable = grant.evidence == verified::Evidence::ReadBack;
        Some(Granted {
            asked: grant.wanted,
            lease: grant.granted,
            showing: Showing::of(grant.entry.as_ref(), readable),
        })
    }

    /// What it taught about the right to delete others' mappings.
    pub(super) fn right(&self) -> DeleteRight {
        match self {
            Self::Evicted(eviction) => eviction.right(),
            _ => DeleteRight::Untried,
        }
    }

    /// Why there is no mapping, where the rules have an event of their own for it. That of a
    /// renewal is still there; and where the router does not show who has a port, a conflict says
    /// that somebody has.
    pub(super) fn refusal(&self) -> Option<&Error> {
        match self {
            Self::Secured(verified::SecureOutcome::Refused {
                shown: verified::Shown::Ours,
                ..
            }) => None,
            Self::Secured(verified::SecureOutcome::Refused {
                why,
                shown: verified::Shown::Nothing,
            }) if why.refusal() == Some(CONFLICT) => None,
            Self::Secured(
                verified::SecureOutcome::NoRoom(why)
                | verified::SecureOutcome::NotAsked(why)
                | verified::SecureOutcome::Refused { why, .. },
            ) => Some(why),
            _ => None,
        }
    }

    /// The same in the terms of the rules; `line` is what the router says of its Internet side, and
    /// `at` puts a time on their clock.
    pub(super) fn event(
        &self,
        request: Request,
        line: Connection,
        countdowns: &mut Countdowns,
        at: impl Fn(Instant) -> Timestamp,
    ) -> Event {
        let port = request.port();
        match self {
            Self::Secured(verified::SecureOutcome::Ours(grant)) => Event::Secured {
                port,
                sent_at: at(grant.sent_at),
                granted: match grant.granted {
                    Lease::Permanent => None,
                    Lease::Seconds(seconds) => Some(Duration::from_secs(seconds.get().into())),
                },
                before: match grant.before {
                    verified::PriorMapping::Free => election::PriorEntry::Free,
                    verified::PriorMapping::Ours => election::PriorEntry::Ours,
                },
                evidence: match grant.evidence {
                    verified::Evidence::ReadBack => election::Evidence::ReadBack,
                    verified::Evidence::Answer => election::Evidence::Answer,
                },
                renewal: match grant.renewal {
                    verified::Renewal::New => election::Renewal::New,
                    verified::Renewal::Extended => election::Renewal::Extended,
                    verified::Renewal::Unchanged => election::Renewal::Unchanged,
                    verified::Renewal::Untold => election::Renewal::Untold,
                },
            },
            Self::Secured(verified::SecureOutcome::Theirs(entry))
            | Self::Evicted(verified::Eviction::Theirs(entry)) => Event::Taken {
                port,
                expires_in: entry
                    .as_ref()
                    .and_then(|entry| countdowns.remaining(entry, Instant::now())),
                by: entry.as_ref().and_then(owner),
            },
            Self::Secured(verified::SecureOutcome::NoRoom(_)) => Event::NoRoom(port),
            Self::Secured(verified::SecureOutcome::NotAsked(_)) => Event::NotAsked(request),
            // It is no matter of the port: the router can do nothing while its line is down.
            Self::Secured(verified::SecureOutcome::Refused { why, shown })
                if why.refusal() == Some(ACTION_FAILED)
                    && *shown != verified::Shown::Ours
                    && line != Connection::Up =>
            {
                Event::Failed(request)
            }
            Self::Secured(verified::SecureOutcome::Refused { shown, .. }) => Event::Refused {
                port,
                shown: match shown {
                    verified::Shown::Nobody => election::Shown::Nobody,
                    verified::Shown::Ours => election::Shown::Ours,
                    verified::Shown::Nothing => election::Shown::Nothing,
                },
            },
            Self::Released(verified::Release::Released | verified::Release::NotOurs) => {
                Event::Released(port)
            }
            Self::Released(verified::Release::StillThere(why)) => {
                warn!(%port, ?why, "the router does not delete our mapping");
                Event::Failed(request)
            }
            Self::Evicted(verified::Eviction::Gone(_)) => Event::Evicted(port),
            Self::Evicted(verified::Eviction::Irremovable { entry, refusal }) => {
                let why = refusal.as_ref().map(ToString::to_string);
                let why = why.unwrap_or_else(|| "the router said yes and did nothing".to_owned());
                warn!(%port, client = %entry.client, %why, "the stale mapping stays");
                Event::Irremovable(port)
            }
        }
    }
}

/// Whose an entry is, where the router names its device by address.
fn owner(entry: &MappingEntry) -> Option<Owner> {
    entry.client_address().map(|address| Owner {
        address,
        kind: match Description::name_of(&entry.description) {
            Some(_) => OwnerKind::Porthole,
            None => OwnerKind::Foreign,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use porthole_gateway::{Action, Protocol};
    use porthole_types::{ExternalPort, InternalPort};

    fn representative_port() -> ExternalPort {
        ExternalPort::new(8080).unwrap()
    }

    fn secure() -> Request {
        Request::Secure {
            port: representative_port(),
            lease: Duration::from_secs(30),
            asked: election::Asked::First,
        }
    }

    fn evict() -> Request {
        Request::Evict {
            port: representative_port(),
            from: "192.168.77.12".parse().unwrap(),
        }
    }

    fn entry(client: &str, description: &str, lease: u32) -> MappingEntry {
        MappingEntry {
            external: representative_port(),
            protocol: Protocol::Tcp,
            client: client.to_owned(),
            internal: InternalPort::new(8080),
            lease_seconds: Some(lease),
            enabled: true,
            description: description.to_owned(),
            remote_host: String::new(),
        }
    }

    fn refused(action: Action, code: u16) -> Error {
        Error::Refused {
            action,
            code,
            text: String::new(),
        }
    }

    fn event(request: Request, answer: &Answer) -> Event {
        let mut countdowns = Countdowns::default();
        answer.event(request, Connection::Up, &mut countdowns, |_| Timestamp(0))
    }

    fn taken(answer: &Answer) -> (Option<Duration>, Option<Owner>) {
        match event(secure(), answer) {
            Event::Taken { expires_in, by, .. } => (expires_in, by),
            other => panic!("not taken: {other:?}"),
        }
    }

    #[test]
    fn the_holder_of_a_port_and_its_time_are_told_as_far_as_the_router_shows_them() {
        let theirs = |entry| Answer::Secured(verified::SecureOutcome::Theirs(entry));
        let ours_kin = taken(&theirs(Some(entry("192.168.77.12", "Porthole yard", 17))));
        let by = |kind| {
            Some(Owner {
                address: "192.168.77.12".parse().unwrap(),
                kind,
            })
        };
        assert_eq!(
            ours_kin,
            (Some(Duration::from_secs(17)), by(OwnerKind::Porthole))
        );
        let other = taken(&theirs(Some(entry("192.168.77.12", "game console", 0))));
        assert_eq!(other, (None, by(OwnerKind::Foreign)));
        // A name instead of an address, and an entry that is hidden.
        assert_eq!(taken(&theirs(Some(entry("tv", "", 0)))), (None, None));
        assert_eq!(taken(&theirs(None)), (None, None));
    }

    #[test]
    fn a_lease_seen_running_that_reads_0_is_about_to_end_and_not_without_end() {
        let mut countdowns = Countdowns::default();
        let mut read = |lease| {
            let entry = entry("192.168.77.12", "Porthole yard", lease);
            Answer::Secured(verified::SecureOutcome::Theirs(Some(entry))).event(
                secure(),
                Connection::Up,
                &mut countdowns,
                |_| Timestamp(0),
            )
        };
        read(1);
        let Event::Taken { expires_in, .. } = read(0) else {
            panic!("not taken");
        };
        assert_eq!(expires_in, Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_full_table_is_an_event_of_its_own_and_still_told_to_people() {
        let full = refused(Action::AddPortMapping, 728);
        let answer = Answer::Secured(verified::SecureOutcome::NoRoom(full.clone()));
        assert_eq!(
            event(secure(), &answer),
            Event::NoRoom(representative_port())
        );
        assert_eq!(answer.refusal(), Some(&full));
        assert_eq!(answer.granted(secure()), None);
    }

    #[test]
    fn an_eviction_ends_in_gone_irremovable_or_somebody_elses() {
        let gone = Answer::Evicted(verified::Eviction::Gone(DeleteRight::Granted));
        assert_eq!(event(evict(), &gone), Event::Evicted(representative_port()));
        assert_eq!(gone.right(), DeleteRight::Granted);

        let stays = Answer::Evicted(verified::Eviction::Irremovable {
            entry: entry("192.168.77.12", "Porthole yard", 0),
            refusal: Some(refused(Action::DeletePortMapping, 606)),
        });
        assert_eq!(
            event(evict(), &stays),
            Event::Irremovable(representative_port())
        );
        assert_eq!(stays.right(), DeleteRight::Refused);

        let third = entry("192.168.77.13", "Porthole till", 30);
        let theirs = Answer::Evicted(verified::Eviction::Theirs(Some(third)));
        assert!(matches!(
            event(evict(), &theirs),
            Event::Taken {
                by: Some(Owner {
                    kind: OwnerKind::Porthole,
                    ..
                }),
                ..
            }
        ));
    }

    #[test]
    fn people_are_not_told_of_a_renewal_that_is_refused_nor_of_a_port_that_somebody_has_unseen() {
        let told = |code, shown| {
            let why = refused(Action::AddPortMapping, code);
            let answer = Answer::Secured(verified::SecureOutcome::Refused { why, shown });
            answer.refusal().is_some()
        };
        assert!(!told(718, verified::Shown::Ours) && !told(501, verified::Shown::Ours));
        assert!(!told(718, verified::Shown::Nothing) && told(606, verified::Shown::Nothing));
        assert!(told(718, verified::Shown::Nobody));
    }

    #[test]
    fn a_refusal_is_told_with_what_the_router_shows_unless_its_line_is_down() {
        let answer = |code, shown| {
            Answer::Secured(verified::SecureOutcome::Refused {
                why: refused(Action::AddPortMapping, code),
                shown,
            })
        };
        let told = |code, shown, line| {
            let mut countdowns = Countdowns::default();
            answer(code, shown).event(secure(), line, &mut countdowns, |_| Timestamp(0))
        };
        let port = representative_port();
        for (shown, told_as) in [
            (verified::Shown::Nobody, election::Shown::Nobody),
            (verified::Shown::Ours, election::Shown::Ours),
            (verified::Shown::Nothing, election::Shown::Nothing),
        ] {
            let shown_so = Event::Refused {
                port,
                shown: told_as,
            };
            for code in [606, 718, 729] {
                assert_eq!(told(code, shown, Connection::Down), shown_so);
            }
            assert_eq!(told(501, shown, Connection::Up), shown_so);
        }
        let down = told(501, verified::Shown::Nobody, Connection::Down);
        assert_eq!(down, Event::Failed(secure()));
    }
}

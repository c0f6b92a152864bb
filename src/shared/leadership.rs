//! The office with names: what the rules know ([`LeaderView`]) and what the peer map knows, as one
//! answer to "who answers for all, since when and why?".

use std::time::SystemTime;

use super::{Clock, SharedState};
use crate::fleet::{Camera, Fleet, Locality};
use porthole_election::{self as election, Cause, ClaimStage, LeaderView};
use porthole_types::InstanceId;

/// A camera as people know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Who it is, where it has told.
    pub id: Option<InstanceId>,
    /// What it is called. Untrusted text.
    pub name: String,
}

/// Who answers for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadershipView {
    /// A camera does.
    Held {
        /// Which one.
        by: Named,
        /// Since when; unknown where only the router or the camera's own report names it.
        since: Option<SystemTime>,
        /// Why the office came to it; unknown likewise.
        cause: Option<Cause>,
    },
    /// None does: the office fell vacant.
    Vacant {
        /// How that was noticed.
        cause: Cause,
        /// Who held it, where that is known.
        previous: Option<Named>,
        /// Who is about to take it.
        successor: Option<Successor>,
    },
    /// Not known.
    Unknown,
}

/// Who is about to take the office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Which camera.
    pub who: Named,
    /// How far it has come.
    pub stage: ClaimStage,
}

impl Named {
    /// Whether both are the same camera: by identity, or by name where one has not told its
    /// identity.
    pub fn is(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (Some(mine), Some(its)) => mine == its,
            _ => self.name == other.name,
        }
    }

    /// This camera.
    pub fn of(camera: &Camera) -> Self {
        Self {
            id: camera.id,
            name: camera.name.clone(),
        }
    }
}

impl LeadershipView {
    /// How it stands now.
    pub fn of(shared: &SharedState) -> Self {
        let me = Named {
            id: Some(shared.identity.id),
            name: shared.name.shown(),
        };
        let leader_view = shared.role.load().leader_view(shared.clock.now());
        let fleet = shared.fleet.borrow().clone();
        Self::with_names(leader_view, &fleet, me, &shared.clock)
    }

    /// The rules speak first; where they know nothing, another camera's word or its port on the
    /// router does.
    fn with_names(leader_view: LeaderView, fleet: &Fleet, me: Named, clock: &Clock) -> Self {
        let by_id = |id| fleet.cameras.iter().find(|camera| camera.id == Some(id));
        let named = |id| {
            let unheard = || Named {
                id: Some(id),
                name: format!("camera {}", &id.to_string()[12..]),
            };
            by_id(id).map_or_else(unheard, Named::of)
        };
        match leader_view {
            LeaderView::ThisServer { since, cause } => Self::Held {
                by: me,
                since: Some(clock.wall(since)),
                cause: Some(cause),
            },
            LeaderView::Another {
                id,
                address,
                since,
                cause,
            } => {
                let there = || {
                    let at_address = |camera: &&Camera| *camera.lan.ip() == address;
                    fleet.cameras.iter().find(at_address).map(Named::of)
                };
                let by = id.map(named).or_else(there).unwrap_or_else(|| Named {
                    id,
                    name: format!("the camera at {address}"),
                });
                Self::Held {
                    by,
                    since: Some(clock.wall(since)),
                    cause: Some(cause),
                }
            }
            LeaderView::Vacant {
                cause,
                previous,
                successor,
            } => Self::Vacant {
                cause,
                previous: previous.map(named),
                successor: match successor {
                    election::Successor::None => None,
                    election::Successor::Me(stage) => Some(Successor { who: me, stage }),
                    election::Successor::Other(peer, stage) => Some(Successor {
                        who: named(peer.id),
                        stage,
                    }),
                },
            },
            LeaderView::Unknown => match fleet.representative() {
                // What the fleet says of this server itself is older than what the rules say.
                Some(other) if other.locality == Locality::OtherServer => Self::Held {
                    by: Named::of(other),
                    since: None,
                    cause: None,
                },
                _ => Self::Unknown,
            },
        }
    }

    /// As a sentence for a person; nothing where nothing is known.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Held { by, cause, .. } => Some(match cause {
                Some(cause) => format!(
                    "{} is the representative, because {}.",
                    by.name,
                    cause.words()
                ),
                None => format!("{} is the representative.", by.name),
            }),
            Self::Vacant {
                cause, successor, ..
            } => Some(vacancy_words(*cause, successor.as_ref())),
            Self::Unknown => None,
        }
    }

    /// Who holds it, or did until it fell vacant.
    pub fn last_holder(&self) -> Option<&Named> {
        match self {
            Self::Held { by, .. } => Some(by),
            Self::Vacant { previous, .. } => previous.as_ref(),
            Self::Unknown => None,
        }
    }
}

/// A vacancy as a sentence for a person.
pub(super) fn vacancy_words(cause: Cause, successor: Option<&Successor>) -> String {
    let why = match cause {
        // Nobody has gone: it is only that nobody has come yet.
        Cause::Free | Cause::Readopted => String::new(),
        Cause::Withdrawal
        | Cause::MissedHeartbeats
        | Cause::UnansweredProbes
        | Cause::LeaseLost => format!(": {}", cause.words()),
    };
    match successor {
        None => format!("No camera answers for all now{why}."),
        Some(Successor {
            who,
            stage: ClaimStage::Claiming | ClaimStage::Acquiring,
        }) => format!(
            "No camera answers for all now{why}; {} is taking over.",
            who.name
        ),
        Some(Successor {
            who,
            stage: ClaimStage::Deputy { .. },
        }) => format!(
            "No camera answers for all now{why}, and the router keeps the port for it. Until the router is \
             set right, {} shows all cameras at its own address.",
            who.name
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};
    use std::time::Duration;

    use super::*;
    use crate::fleet::{Activity, FleetSource, Presence, Scheme, Standing, Verification};
    use porthole_election::{Peer, Successor as ElectionSuccessor, Timestamp};
    use porthole_types::ExternalPort;

    fn camera(id: u64, name: &str, standing: Standing) -> Camera {
        Camera {
            locality: if id == 1 {
                Locality::ThisServer
            } else {
                Locality::OtherServer
            },
            id: Some(InstanceId(id)),
            name: name.to_owned(),
            lan: SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, id as u8), 8080),
            external: None,
            standing,
            activity: Activity::Unknown,
            scheme: Scheme::Http,
            verification: Verification::Verified,
            sources: [(FleetSource::Report, Duration::ZERO)].into(),
            presence: Presence::Here,
            age: Duration::ZERO,
        }
    }

    fn me() -> Named {
        Named {
            id: Some(InstanceId(1)),
            name: "Hall".to_owned(),
        }
    }

    fn door() -> Named {
        Named {
            id: Some(InstanceId(2)),
            name: "Door".to_owned(),
        }
    }

    fn fleet(standing: Standing) -> Fleet {
        Fleet {
            cameras: vec![
                camera(1, "Hall", Standing::Member),
                camera(2, "Door", standing),
            ],
        }
    }

    fn view(leader_view: LeaderView, fleet: &Fleet) -> LeadershipView {
        LeadershipView::with_names(leader_view, fleet, me(), &Clock::start())
    }

    #[test]
    fn where_the_rules_know_nothing_the_peer_map_names_the_representative_without_a_reason() {
        let named = view(LeaderView::Unknown, &fleet(Standing::Representative));
        assert_eq!(
            named,
            LeadershipView::Held {
                by: door(),
                since: None,
                cause: None
            }
        );
        let none = view(LeaderView::Unknown, &fleet(Standing::Member));
        assert_eq!(none, LeadershipView::Unknown);
    }

    #[test]
    fn a_peer_map_that_still_calls_this_server_representative_is_not_believed() {
        let mut fleet = fleet(Standing::Member);
        fleet.cameras[0].standing = Standing::Representative;
        assert_eq!(view(LeaderView::Unknown, &fleet), LeadershipView::Unknown);
    }

    #[test]
    fn a_representative_without_an_identity_is_named_by_its_address() {
        let theirs = |host| LeaderView::Another {
            id: None,
            address: Ipv4Addr::new(192, 168, 1, host),
            since: Timestamp(0),
            cause: Cause::Free,
        };
        let fleet = fleet(Standing::Member);
        assert_eq!(view(theirs(2), &fleet).last_holder(), Some(&door()));
        let unknown = view(theirs(9), &fleet);
        assert_eq!(
            unknown.last_holder().map(|by| by.name.as_str()),
            Some("the camera at 192.168.1.9")
        );
    }

    #[test]
    fn a_vacancy_names_who_went_and_who_comes() {
        let peer = Peer {
            id: InstanceId(2),
            address: Ipv4Addr::new(192, 168, 1, 2),
        };
        let vacant = LeaderView::Vacant {
            cause: Cause::MissedHeartbeats,
            previous: Some(InstanceId(7)),
            successor: ElectionSuccessor::Other(peer, ClaimStage::Acquiring),
        };
        let LeadershipView::Vacant {
            cause,
            previous,
            successor,
        } = view(vacant, &fleet(Standing::Member))
        else {
            panic!("it is vacant");
        };
        assert_eq!(
            previous.map(|previous| previous.name).as_deref(),
            Some("camera 0007")
        );
        assert_eq!(
            vacancy_words(cause, successor.as_ref()),
            "No camera answers for all now: the one before missed its heartbeats; Door is taking over."
        );
    }

    #[test]
    fn a_deputy_is_said_to_stand_in_until_the_router_is_set_right() {
        let successor = Successor {
            who: door(),
            stage: ClaimStage::Deputy {
                port: ExternalPort::new(8082),
            },
        };
        assert_eq!(
            vacancy_words(Cause::UnansweredProbes, Some(&successor)),
            "No camera answers for all now: the one before did not answer, and the router keeps the port \
             for it. Until the router is set right, Door shows all cameras at its own address."
        );
    }

    #[test]
    fn an_office_that_nobody_held_is_vacant_without_blame() {
        assert_eq!(
            vacancy_words(Cause::Free, None),
            "No camera answers for all now."
        );
    }
}

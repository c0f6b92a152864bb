//! Who is the representative, with names: what the rules know ([`LeaderView`]) and what the peer
//! map knows, as one answer for pages, API, events and history.

use std::time::SystemTime;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::{Clock, unix_time};
use crate::fleet::{Camera, Fleet, Locality};
use porthole_election::{self as election, Cause, ClaimStage, LeaderView};
use porthole_types::{InstanceId, Term};

/// A camera as people know it, and where one client reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CameraRef {
    /// Null where only the router's table names it.
    pub id: Option<InstanceId>,
    /// What people call it. Untrusted text.
    #[schema(example = "Barn")]
    pub name: String,
    /// Null where this client has no way there.
    // The web server fills it in: before an answer is made for somebody there is no client.
    #[schema(format = "uri", example = "http://192.168.1.20:8080/")]
    pub url: Option<String>,
}

/// Who is the representative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
#[schema(as = Representative)]
pub enum LeadershipView {
    /// A camera is.
    Held {
        /// The camera that is the representative.
        #[serde(flatten)]
        by: CameraRef,
        /// The highest term that the camera that answers knows of.
        term: Term,
        /// Since when, seconds since 1970; null where only the router or the camera's own report
        /// says so.
        #[serde(serialize_with = "unix_time::serialize")]
        #[schema(value_type = Option<f64>)]
        since: Option<SystemTime>,
        /// Why it became the representative.
        #[serde(flatten)]
        reason: Reason,
        /// All of it in a sentence.
        #[schema(example = "Barn is the representative, because the port was free.")]
        words: String,
    },
    /// No camera is the representative.
    Vacant {
        /// The highest term that the camera that answers knows of.
        term: Term,
        /// How the vacancy was noticed.
        #[serde(flatten)]
        reason: Reason,
        /// The representative before; null where that is not known.
        previous: Option<CameraRef>,
        /// The next one; null while no camera has claimed to be it.
        successor: Option<Successor>,
        /// All of it in a sentence.
        words: String,
    },
}

/// The camera that is about to become the representative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Successor {
    /// The camera that has claimed to be the next representative.
    #[serde(flatten)]
    pub camera: CameraRef,
    /// How far it has come.
    #[serde(serialize_with = "stage_name")]
    pub stage: ClaimStage,
}

/// Why leadership changed hands, for a program and for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reason {
    /// Null where that is not known.
    pub cause: Option<Cause>,
    /// The same in words, to stand after "because".
    #[schema(example = "the port was free")]
    pub because: Option<&'static str>,
}

/// What the camera that answers is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Standing)]
pub enum LeadershipStanding {
    /// The camera that answers is the representative itself.
    Representative,
    /// Another one is the representative.
    Member,
    /// Nobody is at the moment.
    Vacant,
    /// It knows of none.
    Alone,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the field so"
)]
fn stage_name<S: Serializer>(stage: &ClaimStage, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(stage.name())
}

impl From<Option<Cause>> for Reason {
    fn from(cause: Option<Cause>) -> Self {
        Self {
            cause,
            because: cause.map(Cause::words),
        }
    }
}

impl From<Cause> for Reason {
    fn from(cause: Cause) -> Self {
        Some(cause).into()
    }
}

impl CameraRef {
    /// Whether both are the same camera: by identity, or by name where one has not told its
    /// identity.
    pub fn is(&self, other: &Self) -> bool {
        match (self.id, other.id) {
            (Some(mine), Some(its)) => mine == its,
            _ => self.name == other.name,
        }
    }

    /// A camera that no address is known for, or not yet.
    pub fn new(id: Option<InstanceId>, name: String) -> Self {
        Self {
            id,
            name,
            url: None,
        }
    }

    /// A camera of the peer map, without an address.
    pub fn of(camera: &Camera) -> Self {
        Self::new(camera.id, camera.name.clone())
    }
}

impl LeadershipStanding {
    /// As serde writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Representative => "representative",
            Self::Member => "member",
            Self::Vacant => "vacant",
            Self::Alone => "alone",
        }
    }

    /// What this server, `me`, is in this view.
    pub fn of(view: Option<&LeadershipView>, me: InstanceId) -> Self {
        match view {
            Some(LeadershipView::Held { by, .. }) if by.id == Some(me) => Self::Representative,
            Some(LeadershipView::Held { .. }) => Self::Member,
            Some(LeadershipView::Vacant { .. }) => Self::Vacant,
            None => Self::Alone,
        }
    }
}

impl Successor {
    /// Whether it shows the fleet on its own port, because the router keeps the other from it.
    pub fn is_deputy(&self) -> bool {
        matches!(self.stage, ClaimStage::Deputy { .. })
    }
}

impl LeadershipView {
    /// All cameras that it names.
    pub fn cameras_mut(&mut self) -> impl Iterator<Item = &mut CameraRef> {
        let both = match self {
            Self::Held { by, .. } => [Some(by), None],
            Self::Vacant {
                previous,
                successor,
                ..
            } => [
                previous.as_mut(),
                successor.as_mut().map(|successor| &mut successor.camera),
            ],
        };
        both.into_iter().flatten()
    }

    /// The representative, or in a vacancy the one before it.
    pub fn last_holder(&self) -> Option<&CameraRef> {
        match self {
            Self::Held { by, .. } => Some(by),
            Self::Vacant { previous, .. } => previous.as_ref(),
        }
    }

    /// The rules speak first; where they know nothing, another camera's report or its port on the
    /// router does.
    pub(super) fn with_names(
        leader_view: LeaderView,
        term: Term,
        fleet: &Fleet,
        me: CameraRef,
        clock: &Clock,
    ) -> Option<Self> {
        let find = |wanted: &dyn Fn(&Camera) -> bool| {
            let mut cameras = fleet.cameras.iter();
            cameras.find(|camera| wanted(camera)).map(CameraRef::of)
        };
        let named = |id: InstanceId| {
            find(&|camera| camera.id == Some(id)).unwrap_or_else(|| {
                CameraRef::new(Some(id), format!("camera {}", &id.to_string()[12..]))
            })
        };
        let held = |by: CameraRef, since: Option<_>, cause: Option<Cause>| {
            let because = cause.map_or(String::new(), |cause| {
                format!(", because {}", cause.words())
            });
            Self::Held {
                words: format!("{} is the representative{because}.", by.name),
                by,
                term,
                since: since.map(|since| clock.wall(since)),
                reason: cause.into(),
            }
        };
        Some(match leader_view {
            LeaderView::ThisServer { since, cause } => held(me, Some(since), Some(cause)),
            LeaderView::Another {
                id,
                address,
                since,
                cause,
            } => {
                let by = id
                    .map(named)
                    .or_else(|| find(&|camera| *camera.lan.ip() == address))
                    .unwrap_or_else(|| CameraRef::new(id, format!("the camera at {address}")));
                held(by, Some(since), Some(cause))
            }
            LeaderView::Vacant {
                cause,
                previous,
                successor,
            } => {
                let successor = match successor {
                    election::Successor::None => None,
                    election::Successor::Me(stage) => Some((me, stage)),
                    election::Successor::Other(peer, stage) => Some((named(peer.id), stage)),
                }
                .map(|(camera, stage)| Successor { camera, stage });
                let reason = cause.into();
                Self::Vacant {
                    words: vacancy_words(reason, successor.as_ref()),
                    term,
                    reason,
                    previous: previous.map(named),
                    successor,
                }
            }
            LeaderView::Unknown => {
                // What the fleet says of this server itself is older than what the rules say.
                let other = fleet
                    .representative()
                    .filter(|it| it.locality == Locality::OtherServer)?;
                held(CameraRef::of(other), None, None)
            }
        })
    }
}

/// A vacancy as a sentence for a person.
pub(super) fn vacancy_words(reason: Reason, successor: Option<&Successor>) -> String {
    let why = match (reason.cause, reason.because) {
        // Nobody has gone: it is only that nobody has come yet.
        (Some(Cause::Free | Cause::Readopted), _) | (_, None) => String::new(),
        (_, Some(because)) => format!(": {because}"),
    };
    let begin = format!("No camera answers for all now{why}");
    match successor {
        None => format!("{begin}."),
        Some(successor) if successor.is_deputy() => format!(
            "{begin}, and the router keeps the port for it. Until the router is set right, {} \
             shows all cameras at its own address.",
            successor.camera.name
        ),
        Some(successor) => format!("{begin}; {} is taking over.", successor.camera.name),
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

    fn me() -> CameraRef {
        CameraRef::new(Some(InstanceId(1)), "Hall".to_owned())
    }

    fn front() -> CameraRef {
        CameraRef::new(Some(InstanceId(2)), "Door".to_owned())
    }

    fn fleet(standing: Standing) -> Fleet {
        Fleet {
            cameras: vec![
                camera(1, "Hall", Standing::Member),
                camera(2, "Door", standing),
            ],
        }
    }

    fn view(leader_view: LeaderView, fleet: &Fleet) -> Option<LeadershipView> {
        LeadershipView::with_names(leader_view, Term(3), fleet, me(), &Clock::start())
    }

    #[test]
    fn where_the_rules_know_nothing_the_peer_map_names_the_representative_without_a_reason() {
        let named = view(LeaderView::Unknown, &fleet(Standing::Representative));
        assert_eq!(
            named,
            Some(LeadershipView::Held {
                by: front(),
                term: Term(3),
                since: None,
                reason: Reason::default(),
                words: "Door is the representative.".to_owned(),
            })
        );
        let none = view(LeaderView::Unknown, &fleet(Standing::Member));
        assert_eq!(none, None);
    }

    #[test]
    fn a_peer_map_that_still_calls_this_server_representative_is_not_believed() {
        let mut fleet = fleet(Standing::Member);
        fleet.cameras[0].standing = Standing::Representative;
        assert_eq!(view(LeaderView::Unknown, &fleet), None);
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
        let holder = |host| view(theirs(host), &fleet).unwrap().last_holder().cloned();
        assert_eq!(holder(2), Some(front()));
        assert_eq!(
            holder(9).map(|by| by.name).as_deref(),
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
        let Some(LeadershipView::Vacant {
            previous, words, ..
        }) = view(vacant, &fleet(Standing::Member))
        else {
            panic!("it is vacant");
        };
        assert_eq!(
            previous.map(|previous| previous.name).as_deref(),
            Some("camera 0007")
        );
        assert_eq!(
            words,
            "No camera answers for all now: the one before missed its heartbeats; Door is taking \
             over."
        );
    }

    #[test]
    fn a_deputy_is_said_to_stand_in_until_the_router_is_set_right() {
        let successor = Successor {
            camera: front(),
            stage: ClaimStage::Deputy {
                port: ExternalPort::new(8082),
            },
        };
        assert_eq!(
            vacancy_words(Cause::UnansweredProbes.into(), Some(&successor)),
            "No camera answers for all now: the one before did not answer, and the router keeps \
             the port for it. Until the router is set right, Door shows all cameras at its own \
             address."
        );
    }

    #[test]
    fn a_leadership_that_nobody_held_is_vacant_without_blame() {
        assert_eq!(
            vacancy_words(Cause::Free.into(), None),
            "No camera answers for all now."
        );
    }
}

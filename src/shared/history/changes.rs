//! From two snapshots to what happened between them: a pure function.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use serde::Serialize;
use utoipa::ToSchema;

use super::snapshot::{CameraSnapshot, RouterSnapshot, Snapshot};
use crate::fleet::Locality;
use crate::shared::leadership::{CameraRef, LeadershipView, Reason, Successor, vacancy_words};
use crate::shared::unix_time;
use porthole_election::{Cause, Lifecycle};
use porthole_types::{ExternalPort, Term};

/// One change of leadership, fleet or router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = EventDetails)]
pub enum SiteChange {
    /// `representative`: somebody else is the representative now, or the same one again.
    Representative {
        /// The one before; null where that is not known.
        from: Option<CameraRef>,
        /// The representative now.
        to: CameraRef,
        /// The term that began with it.
        term: Term,
        /// Seconds since 1970; null where that is not known.
        #[serde(serialize_with = "unix_time::serialize")]
        #[schema(value_type = Option<f64>)]
        since: Option<SystemTime>,
        /// Why it became the representative.
        #[serde(flatten)]
        reason: Reason,
    },
    /// `vacancy`: nobody is the representative, or somebody else is about to be.
    Vacancy {
        /// The representative before; null where that is not known.
        previous: Option<CameraRef>,
        /// The next one; null while no camera has claimed to be it.
        successor: Option<Successor>,
        /// How the vacancy was noticed.
        #[serde(flatten)]
        reason: Reason,
    },
    /// `camera`: something happened to one camera.
    Camera {
        /// What happened to it.
        #[serde(flatten)]
        change: CameraChange,
        /// That camera, with its name as it is now.
        camera: CameraRef,
    },
    /// `router`: something happened to the router.
    Router(RouterChange),
}

/// What happened to a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum CameraChange {
    /// It is in the fleet now.
    Joined,
    /// It is not any more.
    Left,
    /// It has another name.
    Renamed {
        /// The name before. Untrusted text.
        #[serde(skip)]
        was: String,
    },
    /// It has another port of the router, or another address on the LAN.
    Moved {
        /// Its port on the router now.
        #[serde(skip)]
        external: Option<ExternalPort>,
    },
}

/// What happened to the router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum RouterChange {
    /// One answers: the first, another one, or the same after it began anew.
    Found {
        /// What it calls itself. Untrusted text.
        #[serde(skip)]
        name: String,
    },
    /// It answers no more.
    Lost {
        /// What it did last, in words; nothing where another is looked for already.
        #[serde(skip)]
        why: Option<String>,
    },
    /// Its address on the Internet side is another one.
    Address {
        /// The one now; nothing while it has none.
        #[serde(skip)]
        address: Option<Ipv4Addr>,
    },
}

impl SiteChange {
    /// The kind of the event that tells of it (`event` in `/api/v1/events`).
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Representative { .. } => "representative",
            Self::Vacancy { .. } => "vacancy",
            Self::Camera { .. } => "camera",
            Self::Router(_) => "router",
        }
    }

    /// All cameras that it names.
    pub fn cameras_mut(&mut self) -> impl Iterator<Item = &mut CameraRef> {
        let both = match self {
            Self::Representative { from, to, .. } => [from.as_mut(), Some(to)],
            Self::Vacancy {
                previous,
                successor,
                ..
            } => [
                previous.as_mut(),
                successor.as_mut().map(|successor| &mut successor.camera),
            ],
            Self::Camera { camera, .. } => [Some(camera), None],
            Self::Router(_) => [None, None],
        };
        both.into_iter().flatten()
    }

    /// As a sentence for a person.
    pub fn words(&self) -> String {
        match self {
            Self::Representative {
                from: Some(from),
                to,
                ..
            } if from.is(to) => format!("{} is the representative again.", to.name),
            Self::Representative { to, reason, .. } => match reason.because {
                Some(because) => format!("{} is the representative now: {because}.", to.name),
                None => format!("{} is the representative now.", to.name),
            },
            Self::Vacancy {
                reason, successor, ..
            } => vacancy_words(*reason, successor.as_ref()),
            Self::Camera { camera, change } => {
                let name = &camera.name;
                match change {
                    CameraChange::Joined => format!("{name} has joined."),
                    CameraChange::Left => format!("{name} has left."),
                    CameraChange::Renamed { was } => format!("{was} is called {name} now."),
                    CameraChange::Moved {
                        external: Some(port),
                    } => format!("{name} is at port {port} of the router now."),
                    CameraChange::Moved { external: None } => {
                        format!("{name} has no port of the router now.")
                    }
                }
            }
            Self::Router(change) => match change {
                RouterChange::Found { name } if name.is_empty() => "The router answers.".to_owned(),
                RouterChange::Found { name } => format!("The router answers: {name}."),
                RouterChange::Lost { why: Some(why) } => {
                    format!("The router does not answer any more: {why}")
                }
                RouterChange::Lost { why: None } => {
                    "The router does not answer any more.".to_owned()
                }
                RouterChange::Address {
                    address: Some(address),
                } => {
                    format!("The router's address on the Internet side is {address} now.")
                }
                RouterChange::Address { address: None } => {
                    "The router has no address on the Internet side now.".to_owned()
                }
            },
        }
    }
}

/// What happened between two snapshots: router first, then leadership, then the cameras. `last` is
/// the camera that was last said to be the representative.
pub(super) fn changes(
    before: &Snapshot,
    after: &Snapshot,
    last: Option<&CameraRef>,
) -> Vec<SiteChange> {
    let router = router(&before.router, &after.router).into_iter();
    let mut all: Vec<_> = router.map(SiteChange::Router).collect();
    all.extend(leadership(before, after, last));
    all.extend(cameras(&before.cameras, &after.cameras));
    all
}

fn leadership(before: &Snapshot, after: &Snapshot, last: Option<&CameraRef>) -> Option<SiteChange> {
    use LeadershipView::{Held, Vacant};
    match (&before.leadership, &after.leadership) {
        (Some(Held { by: was, .. }), Some(Held { by, .. })) if was.is(by) => None,
        (
            was,
            Some(Held {
                by, since, reason, ..
            }),
        ) => Some(SiteChange::Representative {
            from: (was.as_ref().and_then(LeadershipView::last_holder))
                .or(last)
                .cloned(),
            to: by.clone(),
            term: after.term,
            since: *since,
            reason: *reason,
        }),
        (Some(Vacant { successor: was, .. }), Some(Vacant { successor, .. }))
            if same(was.as_ref(), successor.as_ref()) =>
        {
            None
        }
        (
            _,
            Some(Vacant {
                reason,
                previous,
                successor,
                ..
            }),
        ) => Some(SiteChange::Vacancy {
            previous: previous.clone(),
            successor: successor.clone(),
            reason: *reason,
        }),
        // This server itself was it: the rules need not tell themselves that they gave it up.
        (Some(Held { by, .. }), None) if by.id == Some(before.me) => {
            // Having stepped down it means to stay again.
            let running = [before.lifecycle, after.lifecycle] == [Lifecycle::Running; 2];
            let cause = if running {
                Cause::LeaseLost
            } else {
                Cause::Withdrawal
            };
            Some(SiteChange::Vacancy {
                previous: Some(by.clone()),
                successor: None,
                reason: cause.into(),
            })
        }
        (_, None) => None,
    }
}

/// Whether a person would be told the same of both.
fn same(before: Option<&Successor>, after: Option<&Successor>) -> bool {
    match (before, after) {
        (None, None) => true,
        (Some(was), Some(is)) => was.camera.is(&is.camera) && was.is_deputy() == is.is_deputy(),
        _ => false,
    }
}

fn cameras(before: &[CameraSnapshot], after: &[CameraSnapshot]) -> Vec<SiteChange> {
    let mut unmatched: Vec<&CameraSnapshot> = before.iter().collect();
    let mut all = Vec::new();
    for now in after {
        let known = unmatched.iter().position(|was| is_same(was, now));
        match known.map(|at| unmatched.swap_remove(at)) {
            Some(was) => all.extend(differences(was, now)),
            None if now.locality == Locality::ThisServer => {}
            None => all.push(camera(now, CameraChange::Joined)),
        }
    }
    let gone = unmatched
        .into_iter()
        .filter(|was| was.locality == Locality::OtherServer);
    all.extend(gone.map(|was| camera(was, CameraChange::Left)));
    all
}

/// An entry that only the router's table names has no identity until it speaks: its address tells
/// then.
fn is_same(was: &CameraSnapshot, now: &CameraSnapshot) -> bool {
    match (was.named.id, now.named.id) {
        (Some(was), Some(now)) => was == now,
        _ => was.lan == now.lan,
    }
}

fn differences(was: &CameraSnapshot, now: &CameraSnapshot) -> Vec<SiteChange> {
    let mut all = Vec::new();
    // The table's name for a camera that had not spoken yet is not a name that it gave up.
    if was.named.id == now.named.id && was.named.name != now.named.name {
        let was = was.named.name.clone();
        all.push(camera(now, CameraChange::Renamed { was }));
    }
    if (was.external, was.lan) != (now.external, now.lan) {
        let external = now.external;
        all.push(camera(now, CameraChange::Moved { external }));
    }
    all
}

fn camera(snapshot: &CameraSnapshot, change: CameraChange) -> SiteChange {
    SiteChange::Camera {
        camera: snapshot.named.clone(),
        change,
    }
}

fn router(before: &RouterSnapshot, after: &RouterSnapshot) -> Option<RouterChange> {
    match (before, after) {
        (
            RouterSnapshot::Answers { epoch: was, .. },
            RouterSnapshot::Answers { name, epoch, .. },
        ) if was != epoch => Some(RouterChange::Found { name: name.clone() }),
        (RouterSnapshot::Answers { address: was, .. }, RouterSnapshot::Answers { address, .. }) => {
            (was != address).then_some(RouterChange::Address { address: *address })
        }
        (_, RouterSnapshot::Answers { name, .. }) => {
            Some(RouterChange::Found { name: name.clone() })
        }
        (RouterSnapshot::Answers { .. }, RouterSnapshot::Lost { why }) => {
            Some(RouterChange::Lost {
                why: Some(why.clone()),
            })
        }
        (RouterSnapshot::Answers { .. }, RouterSnapshot::None) => {
            Some(RouterChange::Lost { why: None })
        }
        (RouterSnapshot::Lost { .. } | RouterSnapshot::None, _) => None,
    }
}

#[cfg(test)]
mod tests;

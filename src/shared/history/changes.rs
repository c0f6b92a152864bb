//! From two looks to what happened between them: a pure function.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use super::snapshot::{CameraSnapshot, RouterSnapshot, Snapshot};
use crate::fleet::Locality;
use crate::shared::leadership::{LeadershipView, Named, Successor, vacancy_words};
use porthole_election::{Cause, Lifecycle};
use porthole_types::{ExternalPort, Term};

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody is the representative now, as far as this server knows.
    Representative {
        /// Who was before, where that is known.
        from: Option<Named>,
        /// Who is.
        to: Named,
        /// Of its office.
        term: Term,
        /// Why the office came to it, where that is known.
        cause: Option<Cause>,
        /// Since when, where that is known.
        since: Option<SystemTime>,
    },
    /// Nobody is, or somebody else is about to be.
    Vacancy {
        /// How that was noticed.
        cause: Cause,
        /// Who was, where that is known.
        previous: Option<Named>,
        /// Who is about to be.
        successor: Option<Successor>,
    },
    /// Something about one camera.
    Camera {
        /// Which one, with its name as it is now.
        camera: Named,
        /// What.
        change: CameraChange,
    },
    /// Something about the router.
    Router(RouterChange),
}

/// What happened to a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraChange {
    /// It is in the fleet now.
    Joined,
    /// It is not any more.
    Left,
    /// It has another name.
    Renamed {
        /// The one before.
        was: String,
    },
    /// It answers at another port of the router, or at another address on the LAN.
    Moved {
        /// Its port on the router now.
        external: Option<ExternalPort>,
    },
}

/// What happened to the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouterChange {
    /// One answers: the first, another one, or the same after it began anew.
    Found {
        /// What it calls itself. Untrusted text.
        name: String,
    },
    /// It answers no more.
    Lost {
        /// What it did last, in words; nothing where another is looked for already.
        why: Option<String>,
    },
    /// Its address on the Internet side is another one; nothing while it has none.
    Address(Option<Ipv4Addr>),
}

impl Change {
    /// As a sentence for a person.
    pub fn words(&self) -> String {
        match self {
            Self::Representative {
                from: Some(from),
                to,
                ..
            } if from.is(to) => format!("{} is the representative again.", to.name),
            Self::Representative { to, cause, .. } => match cause {
                Some(cause) => format!("{} is the representative now: {}.", to.name, cause.words()),
                None => format!("{} is the representative now.", to.name),
            },
            Self::Vacancy {
                cause, successor, ..
            } => vacancy_words(*cause, successor.as_ref()),
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
                RouterChange::Address(Some(address)) => {
                    format!("The router's address on the Internet side is {address} now.")
                }
                RouterChange::Address(None) => {
                    "The router has no address on the Internet side now.".to_owned()
                }
            },
        }
    }
}

/// What happened between two looks: router first, then the office, then the cameras. `last` is who
/// was last said to hold the office.
pub(super) fn changes(before: &Snapshot, after: &Snapshot, last: Option<&Named>) -> Vec<Change> {
    let router = router(&before.router, &after.router).into_iter();
    let mut all: Vec<Change> = router.map(Change::Router).collect();
    all.extend(office(before, after, last));
    all.extend(cameras(&before.cameras, &after.cameras));
    all
}

fn office(before: &Snapshot, after: &Snapshot, last: Option<&Named>) -> Option<Change> {
    match (&before.office, &after.office) {
        (LeadershipView::Held { by: was, .. }, LeadershipView::Held { by, .. }) if was.is(by) => {
            None
        }
        (_, LeadershipView::Held { by, since, cause }) => Some(Change::Representative {
            from: before.office.last_holder().or(last).cloned(),
            to: by.clone(),
            term: after.term,
            cause: *cause,
            since: *since,
        }),
        (
            LeadershipView::Vacant { successor: was, .. },
            LeadershipView::Vacant { successor, .. },
        ) if same(was.as_ref(), successor.as_ref()) => None,
        (
            _,
            LeadershipView::Vacant {
                cause,
                previous,
                successor,
            },
        ) => Some(Change::Vacancy {
            cause: *cause,
            previous: previous.clone(),
            successor: successor.clone(),
        }),
        // This server itself held it: the rules need not tell themselves that they gave it up.
        (LeadershipView::Held { by, .. }, LeadershipView::Unknown) if by.id == Some(before.me) => {
            // Having stepped down it means to stay again.
            let cause = if before.lifecycle == Lifecycle::Running
                && after.lifecycle == Lifecycle::Running
            {
                Cause::LeaseLost
            } else {
                Cause::Withdrawal
            };
            Some(Change::Vacancy {
                cause,
                previous: Some(by.clone()),
                successor: None,
            })
        }
        (_, LeadershipView::Unknown) => None,
    }
}

/// Whether a person would be told the same of both.
fn same(before: Option<&Successor>, after: Option<&Successor>) -> bool {
    use porthole_election::ClaimStage;
    let deputy = |successor: &Successor| matches!(successor.stage, ClaimStage::Deputy { .. });
    match (before, after) {
        (None, None) => true,
        (Some(was), Some(is)) => was.who.is(&is.who) && deputy(was) == deputy(is),
        _ => false,
    }
}

fn cameras(before: &[CameraSnapshot], after: &[CameraSnapshot]) -> Vec<Change> {
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

fn differences(was: &CameraSnapshot, now: &CameraSnapshot) -> Vec<Change> {
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

fn camera(snapshot: &CameraSnapshot, change: CameraChange) -> Change {
    Change::Camera {
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
            (was != address).then_some(RouterChange::Address(*address))
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

//! What is compared from one time to the next: nothing that changes all the time (ages, viewers,
//! times of reading).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use crate::fleet::{Camera, Fleet, Locality};
use crate::shared::{CameraRef, LeadershipView, RouterState, RouterView};
use porthole_election::{Lifecycle, RemoteAccess, State};
use porthole_types::{ExternalPort, InstanceId, Term};

/// What is known at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub(super) me: InstanceId,
    pub(super) term: Term,
    pub(super) lifecycle: Lifecycle,
    /// Nothing while no representative is known, nor a vacancy.
    pub(super) leadership: Option<LeadershipView>,
    pub(super) cameras: Vec<CameraSnapshot>,
    pub(super) router: RouterSnapshot,
}

/// One camera of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CameraSnapshot {
    pub(super) locality: Locality,
    pub(super) named: CameraRef,
    pub(super) lan: SocketAddrV4,
    pub(super) external: Option<ExternalPort>,
}

/// Whether the router answered when the snapshot was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RouterSnapshot {
    /// It answers, and this is what it says of itself.
    Answers {
        name: String,
        /// Another value is another router, or one that has begun anew.
        epoch: Option<Instant>,
        address: Option<Ipv4Addr>,
    },
    /// It did, and does not any more.
    Lost { why: String },
    /// None is known, or none is wanted.
    None,
}

impl Snapshot {
    /// What this server, `me`, knows.
    pub fn new(
        me: InstanceId,
        state: &State,
        leadership: Option<LeadershipView>,
        fleet: &Fleet,
        router: &RouterView,
    ) -> Self {
        Self {
            me,
            term: state.term,
            // With remote access switched off it gives leadership up of its own will, as when it
            // steps down.
            lifecycle: match state.remote_access {
                RemoteAccess::On => state.lifecycle,
                RemoteAccess::Off => Lifecycle::SteppingDown,
            },
            leadership,
            cameras: fleet.cameras.iter().map(camera).collect(),
            router: router_snapshot(router),
        }
    }
}

fn camera(camera: &Camera) -> CameraSnapshot {
    CameraSnapshot {
        locality: camera.locality,
        named: CameraRef::of(camera),
        lan: camera.lan,
        external: camera.external,
    }
}

fn router_snapshot(view: &RouterView) -> RouterSnapshot {
    match &view.state {
        RouterState::Found => RouterSnapshot::Answers {
            name: view
                .found
                .as_ref()
                .map(|found| found.identity.name.clone())
                .unwrap_or_default(),
            epoch: view.epoch,
            address: view.external.as_ref().and_then(|external| external.address),
        },
        RouterState::Lost { why } => RouterSnapshot::Lost { why: why.clone() },
        RouterState::Disabled | RouterState::Searching { .. } => RouterSnapshot::None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Nothing is known but this server, with the id 1.
    pub(in super::super) fn snapshot() -> Snapshot {
        Snapshot {
            me: InstanceId(1),
            term: Term(4),
            lifecycle: Lifecycle::Running,
            leadership: None,
            cameras: vec![seen(1, "Hall")],
            router: RouterSnapshot::None,
        }
    }

    /// A camera with its port on the router.
    pub(in super::super) fn seen(id: u64, name: &str) -> CameraSnapshot {
        CameraSnapshot {
            locality: if id == 1 {
                Locality::ThisServer
            } else {
                Locality::OtherServer
            },
            named: CameraRef::new(Some(InstanceId(id)), name.to_owned()),
            lan: SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, id as u8), 8080),
            external: ExternalPort::new(8080 + id as u16),
        }
    }

    /// A router with this address on the Internet side.
    pub(in super::super) fn router_with(host: u8) -> RouterSnapshot {
        RouterSnapshot::Answers {
            name: "box".to_owned(),
            epoch: None,
            address: Some(Ipv4Addr::new(60, 120, 76, host)),
        }
    }
}

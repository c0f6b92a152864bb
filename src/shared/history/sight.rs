//! What is compared from one look to the next: nothing that changes all the time (ages, viewers, times of reading).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use crate::fleet::{Camera, Who};
use crate::shared::{Cells, Named, OfficeView, RouterState, RouterView};
use porthole_election::{Exposure, Stay};
use porthole_types::{ExternalPort, InstanceId, Term};

/// What is known at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    pub(super) me: InstanceId,
    pub(super) term: Term,
    pub(super) stay: Stay,
    pub(super) office: OfficeView,
    pub(super) cameras: Vec<CameraSight>,
    pub(super) router: RouterSight,
}

/// One camera of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CameraSight {
    pub(super) who: Who,
    pub(super) named: Named,
    pub(super) lan: SocketAddrV4,
    pub(super) external: Option<ExternalPort>,
}

/// The router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RouterSight {
    /// It answers.
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

impl Sight {
    /// What is known now.
    pub fn of(cells: &Cells) -> Self {
        let state = cells.role.load();
        Self {
            me: cells.identity.id,
            term: state.term,
            // Who is switched off gives the office up of its own will, like who steps down.
            stay: match state.exposure {
                Exposure::On => state.stay,
                Exposure::Off => Stay::SteppingDown,
            },
            office: OfficeView::of(cells),
            cameras: cells.fleet.borrow().cameras.iter().map(camera).collect(),
            router: router(&cells.router.borrow()),
        }
    }
}

fn camera(camera: &Camera) -> CameraSight {
    CameraSight {
        who: camera.who,
        named: Named {
            id: camera.id,
            name: camera.name.clone(),
        },
        lan: camera.lan,
        external: camera.external,
    }
}

fn router(view: &RouterView) -> RouterSight {
    match &view.state {
        RouterState::Found => RouterSight::Answers {
            name: view
                .found
                .as_ref()
                .map(|found| found.identity.name.clone())
                .unwrap_or_default(),
            epoch: view.epoch,
            address: view.external.as_ref().and_then(|external| external.address),
        },
        RouterState::Lost { why } => RouterSight::Lost { why: why.clone() },
        RouterState::Disabled | RouterState::Searching { .. } => RouterSight::None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Nothing is known but this server, with the id 1.
    pub(in super::super) fn sight() -> Sight {
        Sight {
            me: InstanceId(1),
            term: Term(4),
            stay: Stay::Staying,
            office: OfficeView::Unknown,
            cameras: vec![seen(1, "Hall")],
            router: RouterSight::None,
        }
    }

    /// A camera with its port on the router.
    pub(in super::super) fn seen(id: u64, name: &str) -> CameraSight {
        CameraSight {
            who: if id == 1 { Who::Me } else { Who::Another },
            named: Named {
                id: Some(InstanceId(id)),
                name: name.to_owned(),
            },
            lan: SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, id as u8), 8080),
            external: ExternalPort::new(8080 + id as u16),
        }
    }

    /// A router with this address on the Internet side.
    pub(in super::super) fn router_with(host: u8) -> RouterSight {
        RouterSight::Answers {
            name: "box".to_owned(),
            epoch: None,
            address: Some(Ipv4Addr::new(60, 120, 76, host)),
        }
    }
}

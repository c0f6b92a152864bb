//! From what is known to what a page shows one visitor.

mod layout;
mod notices;
mod viewpoint;

pub use layout::{layout, router_line, standing};
pub use notices::notices;
pub use viewpoint::Viewpoint;

use super::Problem;
use super::pages::{
    CameraPage, FleetPage, Presence, Role, SettingsPage, Standing, Tile, TileState, Trust,
};
use crate::fleet::{self, Activity, Camera, Fleet, Labels, Locality, Verification};
use actix_web::http::StatusCode;

/// The page at `/`.
pub fn fleet(view: &Viewpoint) -> Result<FleetPage, Problem> {
    let fleet = view.app.shared.fleet.borrow().clone();
    let labels = Labels::of(&fleet);
    Ok(FleetPage {
        me: me(&fleet, view)?,
        others: fleet
            .others()
            .map(|camera| tile(camera, &labels, view))
            .collect(),
        layout: layout(view),
    })
}

/// The page at `/camera`.
pub fn camera(view: &Viewpoint) -> Result<CameraPage, Problem> {
    let fleet = view.app.shared.fleet.borrow().clone();
    let layout = layout(view);
    let representative = match &layout.standing {
        Standing::Member { representative, .. } => representative.href.clone(),
        Standing::Vacant { deputy, .. } => deputy.as_ref().and_then(|deputy| deputy.href.clone()),
        Standing::Representative(_) | Standing::Alone { .. } => None,
    };
    Ok(CameraPage {
        camera: me(&fleet, view)?,
        representative,
        layout,
    })
}

/// The page at `/settings`.
pub fn settings(view: &Viewpoint) -> Result<SettingsPage, Problem> {
    let fleet = view.app.shared.fleet.borrow().clone();
    Ok(SettingsPage {
        camera: me(&fleet, view)?,
        client_network: view.visitor,
        layout: layout(view),
    })
}

fn me(fleet: &Fleet, view: &Viewpoint) -> Result<Tile, Problem> {
    let me = fleet
        .cameras
        .iter()
        .find(|camera| camera.locality == Locality::ThisServer);
    me.map(|me| tile(me, &Labels::of(fleet), view))
        .ok_or_else(|| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "still starting, try again"))
}

/// One camera, linked if this visitor has a way to it.
fn tile(camera: &Camera, labels: &Labels, view: &Viewpoint) -> Tile {
    let (state, detail) = picture(&camera.activity);
    Tile {
        id: camera.id,
        name: camera.name.clone(),
        label: labels.get(camera).map(str::to_owned),
        url: view.links.for_visitor(camera, view.visitor),
        entry: view.cross_camera.page_path(camera),
        still: view.still_of(camera),
        state,
        detail,
        role: match camera.standing {
            fleet::Standing::Representative => Role::Representative,
            fleet::Standing::Member => Role::Member,
        },
        trust: match camera.verification {
            Verification::Verified => Trust::Verified,
            Verification::Unverified => Trust::Unverified,
        },
        presence: match camera.presence {
            fleet::Presence::Here => Presence::Here,
            fleet::Presence::Fading => Presence::Fading {
                last_heard: camera.age,
            },
        },
    }
}

/// What a camera is doing, as page and API say it.
pub fn picture(activity: &Activity) -> (TileState, String) {
    match activity {
        Activity::Live(detail) => (TileState::Live, detail.clone()),
        Activity::Idle => (TileState::Idle, String::new()),
        Activity::Failed(why) => (TileState::Failed, why.clone()),
        Activity::Unknown => (TileState::Unknown, String::new()),
    }
}

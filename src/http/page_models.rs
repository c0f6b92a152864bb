//! From what is known to what a page shows one client.

mod layout;
mod notices;
mod viewpoint;

pub use layout::{layout, router_line};
pub use notices::notices;
pub use viewpoint::Viewpoint;

use super::Problem;
use super::pages::{CameraPage, FleetPage, SettingsPage, Tile, TileState};
use crate::fleet::{Activity, Camera, Fleet, Labels, Locality, Presence, Standing, Verification};
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
    let line = &layout.leadership;
    let elsewhere = line.representative().or_else(|| line.deputy());
    Ok(CameraPage {
        camera: me(&fleet, view)?,
        representative: elsewhere.and_then(|camera| camera.url.clone()),
        layout,
    })
}

/// The page at `/settings`.
pub fn settings(view: &Viewpoint) -> Result<SettingsPage, Problem> {
    let fleet = view.app.shared.fleet.borrow().clone();
    Ok(SettingsPage {
        camera: me(&fleet, view)?,
        client_network: view.client,
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

/// One camera, linked if this client has a way to it.
fn tile(camera: &Camera, labels: &Labels, view: &Viewpoint) -> Tile {
    let (state, detail) = picture(&camera.activity);
    Tile {
        id: camera.id,
        name: camera.name.clone(),
        label: labels.get(camera).map(str::to_owned),
        url: view.links.for_client(camera, view.client),
        page_path: view.page_path(camera),
        still: view.still_url(camera),
        state,
        detail,
        is_representative: camera.standing == Standing::Representative,
        is_verified: camera.verification == Verification::Verified,
        silent_for: (camera.presence == Presence::Fading).then_some(camera.age),
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

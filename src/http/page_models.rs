//! From what is known to what a page shows one visitor.

mod around;
mod notices;

pub use around::{around, router_line, standing};
pub use notices::notices;

use super::links::Links;
use super::pages::{
    CameraPage, FleetPage, Presence, Role, SeenFrom, SettingsPage, Standing, Tile, TileState, Trust,
};
use super::{App, Problem, Visitor};
use crate::fleet::{self, Activity, Camera, Fleet, Labels, Vouched, Who};
use actix_web::http::StatusCode;

/// The page at `/`.
pub fn fleet(app: &App, visitor: Visitor) -> Result<FleetPage, Problem> {
    let links = Links::new(&app.cells);
    let fleet = app.cells.fleet.borrow().clone();
    let labels = Labels::of(&fleet);
    Ok(FleetPage {
        me: me(&fleet, &links, visitor)?,
        others: fleet
            .others()
            .map(|camera| tile(camera, &labels, &links, visitor))
            .collect(),
        around: around(app, visitor, &links),
    })
}

/// The page at `/camera`.
pub fn camera(app: &App, visitor: Visitor) -> Result<CameraPage, Problem> {
    let links = Links::new(&app.cells);
    let fleet = app.cells.fleet.borrow().clone();
    let around = around(app, visitor, &links);
    let representative = match &around.standing {
        Standing::Member { representative, .. } => representative.url.clone(),
        Standing::Vacant { deputy, .. } => deputy.as_ref().and_then(|deputy| deputy.url.clone()),
        Standing::Representative(_) | Standing::Alone { .. } => None,
    };
    Ok(CameraPage {
        camera: me(&fleet, &links, visitor)?,
        representative,
        around,
    })
}

/// The page at `/settings`.
pub fn settings(app: &App, visitor: Visitor) -> Result<SettingsPage, Problem> {
    let links = Links::new(&app.cells);
    let fleet = app.cells.fleet.borrow().clone();
    Ok(SettingsPage {
        camera: me(&fleet, &links, visitor)?,
        seen_from: match visitor {
            Visitor::OnLan => SeenFrom::Lan,
            Visitor::Outside => SeenFrom::Outside,
        },
        around: around(app, visitor, &links),
    })
}

fn me(fleet: &Fleet, links: &Links, visitor: Visitor) -> Result<Tile, Problem> {
    let me = fleet.cameras.iter().find(|camera| camera.who == Who::Me);
    me.map(|me| tile(me, &Labels::of(fleet), links, visitor))
        .ok_or_else(|| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "still starting, try again"))
}

/// One camera, linked if this visitor has a way to it.
fn tile(camera: &Camera, labels: &Labels, links: &Links, visitor: Visitor) -> Tile {
    let (state, detail) = picture(&camera.activity);
    Tile {
        id: camera.id,
        name: camera.name.clone(),
        label: labels.get(camera).map(str::to_owned),
        url: links.for_visitor(camera, visitor),
        state,
        detail,
        role: match camera.standing {
            fleet::Standing::Representative => Role::Representative,
            fleet::Standing::Member => Role::Member,
        },
        trust: match camera.vouched {
            Vouched::ByItself => Trust::Verified,
            Vouched::ByTableOnly => Trust::Unverified,
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

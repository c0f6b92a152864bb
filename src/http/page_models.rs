//! From what is known to what a page shows one visitor.

use super::links::Links;
use super::office::Guide;
use super::pages::{
    CameraPage, FleetPage, Level, Link, Notice, Reason, Role, Standing, Tile, TileState, Trust,
    WebUrl,
};
use super::{App, Problem, Visitor};
use crate::cells::{Named, OfficeView, RouterState};
use crate::election::{Bid, Cause};
use crate::fleet::{self, Activity, Camera, Fleet, Vouched, Who};
use crate::gateway::Description;
use actix_web::http::StatusCode;

/// The page at `/`.
pub fn fleet(app: &App, visitor: Visitor) -> Result<FleetPage, Problem> {
    let links = Links::new(&app.cells);
    let fleet = app.cells.fleet.borrow().clone();
    Ok(FleetPage {
        me: me(&fleet, &links, visitor)?,
        others: fleet
            .others()
            .map(|camera| tile(camera, &links, visitor))
            .collect(),
        standing: standing(app, visitor, &links),
        notices: notices(app),
        router_line: router_line(app),
        demo: demo(app),
    })
}

/// The page at `/camera`.
pub fn camera(app: &App, visitor: Visitor) -> Result<CameraPage, Problem> {
    let links = Links::new(&app.cells);
    let fleet = app.cells.fleet.borrow().clone();
    let standing = standing(app, visitor, &links);
    let representative = match &standing {
        Standing::Member { representative, .. } => representative.url.clone(),
        Standing::Vacant { deputy, .. } => deputy.as_ref().and_then(|deputy| deputy.url.clone()),
        Standing::Representative(_) | Standing::Alone { .. } => None,
    };
    Ok(CameraPage {
        camera: me(&fleet, &links, visitor)?,
        representative,
        standing,
        notices: notices(app),
        router_line: router_line(app),
        demo: demo(app),
    })
}

fn me(fleet: &Fleet, links: &Links, visitor: Visitor) -> Result<Tile, Problem> {
    let me = fleet.cameras.iter().find(|camera| camera.who == Who::Me);
    me.map(|me| tile(me, links, visitor))
        .ok_or_else(|| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "still starting, try again"))
}

/// One camera, linked if this visitor has a way to it.
fn tile(camera: &Camera, links: &Links, visitor: Visitor) -> Tile {
    let (state, detail) = picture(&camera.activity);
    Tile {
        id: camera.id,
        name: camera.name.clone(),
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

/// Who answers for all, as this visitor is told.
pub fn standing(app: &App, visitor: Visitor, links: &Links) -> Standing {
    let fleet = app.cells.fleet.borrow().clone();
    let guide = Guide {
        fleet: &fleet,
        links,
        visitor,
    };
    let me = Some(app.cells.identity.id);
    let view = OfficeView::of(&app.cells);
    let words = view.words().unwrap_or_default();
    let link = |named: &Named| Link {
        name: named.name.clone(),
        url: guide.url(named),
    };
    match view {
        OfficeView::Held { by, since, cause } => {
            let because = cause.map(Cause::words);
            let reason = Reason { since, because };
            if by.id == me {
                return Standing::Representative(reason);
            }
            let representative = link(&by);
            Standing::Member {
                representative,
                reason,
            }
        }
        OfficeView::Vacant { heir, .. } => Standing::Vacant {
            words,
            deputy: heir
                .filter(|heir| matches!(heir.bid, Bid::Deputy { .. }) && heir.who.id != me)
                .map(|heir| link(&heir.who)),
        },
        OfficeView::Unknown => Standing::Alone {
            why: why_alone(app),
        },
    }
}

fn why_alone(app: &App) -> String {
    let why = match &app.cells.router.borrow().state {
        RouterState::Disabled => {
            "The settings say not to use the router, so this camera is reached on the LAN only."
        }
        RouterState::Searching { why: None } => "Looking for the router.",
        RouterState::Searching { why: Some(_) } => {
            "No router answers, so this camera is reached on the LAN only. It keeps looking."
        }
        RouterState::Lost { .. } => {
            "The router does not answer any more. This camera keeps asking."
        }
        RouterState::Found => "No representative is known yet.",
    };
    why.to_owned()
}

/// What a person should know, most important first.
pub fn notices(app: &App) -> Vec<Notice> {
    let cells = &app.cells;
    let warning = |text: String| Notice {
        level: Level::Warning,
        text,
    };
    let mut notices = Vec::new();
    let host_is_set = cells.settings.router.external_host.is_some();
    let office = cells.settings.router.representative_port;
    let outlook = cells.role.load().outlook(cells.clock.now());
    let advice = cells.router.borrow().advice(office, &outlook);
    notices.extend(advice.map(warning));
    notices.extend(cells.keys.words().map(warning));
    notices.extend(cells.router.borrow().problem(host_is_set).map(warning));
    if cells.role.load().crowded_since.is_some() {
        let range = cells.settings.router.port_range;
        notices.push(warning(format!(
            "Every port from {} to {} of the router is taken, so this camera is reached on the LAN \
             only. Delete entries on the router that nobody needs, or widen router.port_range.",
            range.first(),
            range.last()
        )));
    }
    notices.extend(foreign_holder(app).map(warning));
    notices
}

/// Somebody else's program on the representative port: nobody can be representative then.
fn foreign_holder(app: &App) -> Option<String> {
    let port = app.cells.settings.router.representative_port;
    let view = app.cells.router.borrow();
    let entry = view.table.as_ref()?.table.tcp(port)?;
    if Description::name_of(&entry.description).is_some() {
        return None;
    }
    let what: String = entry
        .description
        .chars()
        .filter(|c| !c.is_control())
        .take(40)
        .collect();
    Some(format!(
        "Port {port} of the router is mapped to {} (\"{what}\"), which is no Porthole camera, so no \
         camera can answer for all. Delete that entry on the router, or choose another \
         router.representative_port.",
        entry.client
    ))
}

/// The router in one line.
pub fn router_line(app: &App) -> String {
    let view = app.cells.router.borrow();
    let name = view
        .found
        .as_ref()
        .map_or("the router", |found| found.identity.name.as_str());
    match (
        &view.state,
        view.external.as_ref().and_then(|external| external.address),
    ) {
        (RouterState::Disabled, _) => "Router not used".to_owned(),
        (RouterState::Searching { .. }, _) => "Looking for a router".to_owned(),
        (RouterState::Lost { .. }, _) => format!("{name} does not answer"),
        (RouterState::Found, Some(address)) => format!("{name}, {address} on the Internet side"),
        (RouterState::Found, None) => format!("{name}, no Internet address yet"),
    }
}

fn demo(app: &App) -> Option<WebUrl> {
    app.cells
        .settings
        .debug
        .demo_control
        .as_deref()?
        .parse()
        .ok()
}

//! What stands around a page: who answers for all, the router, and what the visitor may do.

use super::{Viewpoint, notices};
use crate::fleet::Labels;
use crate::http::App;
use crate::http::pages::{Around, Link, Reason, Standing, WebUrl};
use crate::shared::{Named, OfficeView, RouterState};
use porthole_election::{Bid, Cause, Exposure};

/// All of it, as this visitor is told.
pub fn around(view: &Viewpoint) -> Around {
    let app = view.app;
    Around {
        standing: standing(view),
        notices: notices(app),
        router_line: router_line(app),
        access: view.guest.logged_in(),
        reach: app.cells.authority.reach(),
        demo: demo(app),
    }
}

/// Who answers for all, as this visitor is told.
pub fn standing(view: &Viewpoint) -> Standing {
    let app = view.app;
    let fleet = app.cells.fleet.borrow().clone();
    let labels = Labels::of(&fleet);
    let link = |named: &Named| {
        let mut cameras = fleet.cameras.iter();
        let camera = cameras.find(|camera| Named::of(camera).is(named));
        let name = camera.map(|camera| labels.full_name(camera));
        Link {
            name: name.unwrap_or_else(|| named.name.clone()),
            href: camera.and_then(|camera| view.way_to(camera)),
        }
    };
    let me = Some(app.cells.identity.id);
    let office = OfficeView::of(&app.cells);
    let words = office.words().unwrap_or_default();
    match office {
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
    if app.cells.role.load().exposure == Exposure::Off {
        return "Exposure is off, so this camera is reached on its own network only.".to_owned();
    }
    let why = match &app.cells.router.borrow().state {
        RouterState::Disabled => {
            "The settings say not to use the router, so this camera is reached on the LAN only."
        }
        RouterState::Searching { why: None } => "Looking for the router.",
        RouterState::Searching { why: Some(_) } => {
            "No router answers, so this camera is reached on the LAN only."
        }
        RouterState::Lost { .. } => {
            "The router does not answer any more. This camera keeps asking."
        }
        RouterState::Found => "No representative is known yet.",
    };
    why.to_owned()
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

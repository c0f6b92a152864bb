//! What stands around a page: who answers for all, the router, and what the visitor may do.

use super::{Viewpoint, notices};
use crate::fleet::Labels;
use crate::http::App;
use crate::http::pages::{Link, PageLayout, Reason, Standing, WebUrl};
use crate::shared::{LeadershipView, Named, RouterState};
use porthole_election::{Cause, ClaimStage, RemoteAccess};

/// All of it, as this visitor is told.
pub fn layout(view: &Viewpoint) -> PageLayout {
    let app = view.app;
    PageLayout {
        standing: standing(view),
        notices: notices(app),
        router_line: router_line(app),
        access: view.caller.logged_in(),
        reach: app.shared.authority.login_scope(),
        demo: demo(app),
    }
}

/// Who answers for all, as this visitor is told.
pub fn standing(view: &Viewpoint) -> Standing {
    let app = view.app;
    let fleet = app.shared.fleet.borrow().clone();
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
    let me = Some(app.shared.identity.id);
    let office = LeadershipView::of(&app.shared);
    let words = office.words().unwrap_or_default();
    match office {
        LeadershipView::Held { by, since, cause } => {
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
        LeadershipView::Vacant { successor, .. } => Standing::Vacant {
            words,
            deputy: successor
                .filter(|successor| {
                    matches!(successor.stage, ClaimStage::Deputy { .. }) && successor.who.id != me
                })
                .map(|successor| link(&successor.who)),
        },
        LeadershipView::Unknown => Standing::Alone {
            why: why_alone(app),
        },
    }
}

fn why_alone(app: &App) -> String {
    if app.shared.role.load().remote_access == RemoteAccess::Off {
        return "Exposure is off, so this camera is reached on its own network only.".to_owned();
    }
    let why = match &app.shared.router.borrow().state {
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
    let view = app.shared.router.borrow();
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
    app.shared
        .settings
        .debug
        .demo_control
        .as_deref()?
        .parse()
        .ok()
}

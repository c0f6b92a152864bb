//! What stands around a page: who is the representative, the router, and what the client may do.

use super::{Viewpoint, notices};
use crate::fleet::Labels;
use crate::http::App;
use crate::http::pages::{LeadershipLine, PageLayout, WebUrl};
use crate::shared::{CameraRef, LeadershipView, RouterState};
use porthole_election::RemoteAccess;

/// What stands around a page for this client.
pub fn layout(view: &Viewpoint) -> PageLayout {
    let app = view.app;
    PageLayout {
        leadership: leadership(view),
        notices: notices(app),
        router_line: router_line(app),
        access: view.caller.logged_in(),
        reach: app.shared.authority.login_scope(),
        demo: demo(app),
    }
}

/// Who is the representative, with the links that are right for this client.
fn leadership(view: &Viewpoint) -> LeadershipLine {
    let shared = &view.app.shared;
    let fleet = shared.fleet.borrow().clone();
    let labels = Labels::of(&fleet);
    let mut leadership = shared.leadership();
    for reference in leadership.iter_mut().flat_map(LeadershipView::cameras_mut) {
        let mut cameras = fleet.cameras.iter();
        if let Some(camera) = cameras.find(|camera| CameraRef::of(camera).is(reference)) {
            reference.name = labels.full_name(camera);
            reference.url = view.page_url(camera);
        }
    }
    LeadershipLine {
        me: shared.identity.id,
        view: leadership,
        why_unknown: why_unknown(view.app),
    }
}

fn why_unknown(app: &App) -> String {
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

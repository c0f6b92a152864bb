//! What a person should know, in sentences that say what it is and what to do.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::auth::LoginScope;
use crate::fleet::Camera;
use crate::http::App;
use crate::http::pages::{Level, Notice};
use crate::shared::{RouterState, RouterView};
use porthole_election::RemoteAccess;
use porthole_gateway::{Description, MappingEntry};

/// What a person should know, most important first.
pub fn notices(app: &App) -> Vec<Notice> {
    let shared = &app.shared;
    let warning = |text: String| Notice {
        level: Level::Warning,
        text,
    };
    let info = |text: String| Notice {
        level: Level::Info,
        text,
    };
    let mut notices = Vec::new();
    notices.extend(not_exposed(app).map(info));
    let state = shared.role.load();
    let leader_view = state.leader_view(shared.clock.now());
    let mut router = shared.router.borrow().clone();
    let advice = router.advice(&state, shared.role.rules(), &leader_view);
    let representative_port = shared.settings.router.representative_port;
    if advice.is_some() {
        // It says why that port cannot be had, and more.
        router
            .refusal
            .take_if(|refusal| refusal.port == representative_port);
    }
    notices.extend(advice.map(warning));
    notices.extend(shared.keys.words().map(warning));
    notices.extend(router_problem(app, &router).map(warning));
    if shared.role.load().crowded_since.is_some() {
        let range = shared.settings.router.port_range;
        notices.push(warning(format!(
            "Every port from {} to {} of the router is taken, so this camera is reached on the LAN \
             only. Delete entries on the router that nobody needs, or widen router.port_range.",
            range.first(),
            range.last()
        )));
    }
    notices.extend(
        foreign_holder(app)
            .or_else(|| unseen_holder(app))
            .map(warning),
    );
    notices.extend(no_site_key(app).map(info));
    notices
}

/// The switch of ¶84 is off: nobody should look for a fault because the camera is not reached from
/// outside.
fn not_exposed(app: &App) -> Option<String> {
    let off = app.shared.role.load().remote_access == RemoteAccess::Off;
    off.then(|| {
        "Exposure is off: this camera asks the router for no port, and is reached on its own \
         network only. An admin switches it on under Settings."
            .to_owned()
    })
}

/// What is wrong with the router, and what to do about it.
fn router_problem(app: &App, view: &RouterView) -> Option<String> {
    let shared = &app.shared;
    let problem = view.problem(shared.settings.router.external_host.is_some())?;
    Some(match &view.state {
        RouterState::Searching { .. } => {
            let gateway = shared.lan_address().and_then(|lan| lan.default_gateway);
            no_router(&problem, gateway)
        }
        _ => sentence(&problem),
    })
}

/// Nobody answered the search: `why` says so. Most routers have their pages on port 80 of the
/// default gateway.
fn no_router(why: &str, gateway: Option<Ipv4Addr>) -> String {
    let place = gateway.map_or(String::new(), |address| {
        format!(", most likely at http://{address}/")
    });
    format!(
        "{} Look in the router's own pages{place}; the switch is often beside port forwarding or \
         NAT. Until a router answers, this camera is reached on the LAN only. It keeps looking.",
        sentence(why)
    )
}

/// A capital at the beginning, a stop at the end.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    let stop = if text.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    first.chain(rest).chain(stop.chars()).collect()
}

/// Without a site key nothing is shared, and nobody on the LAN can be told from a camera.
fn no_site_key(app: &App) -> Option<String> {
    let shared = &app.shared;
    let several = shared.fleet.borrow().cameras.len() > 1;
    let words = "These cameras share no site key: each asks for a login of its own, and whoever is \
                 on this network can pose as a camera. Write the same site.key into the settings \
                 of all of them.";
    (several && shared.authority.login_scope() == LoginScope::ThisCamera).then(|| words.to_owned())
}

/// Somebody else's program on the representative port: nobody can be representative then.
fn foreign_holder(app: &App) -> Option<String> {
    let port = app.shared.settings.router.representative_port;
    let view = app.shared.router.borrow();
    let entry = view.table.as_ref()?.table.tcp(port)?;
    if leads_to_a_camera(entry, &app.shared.fleet.borrow().cameras) {
        return None;
    }
    // It leads here, though the router may not show that.
    if app.shared.role.load().leadership.is_some() {
        return None;
    }
    let what: String = entry
        .description
        .chars()
        .filter(|c| !c.is_control())
        .take(40)
        .collect();
    Some(format!(
        "Port {port} of the router is mapped to {} (\"{what}\"), which is no Porthole camera, so \
         no camera can answer for all. Delete that entry on the router, or choose another \
         router.representative_port.",
        entry.client
    ))
}

/// The representative port is refused again and again on a router that does not show who has it,
/// and no camera says that it has.
fn unseen_holder(app: &App) -> Option<String> {
    /// The first refusals may be the end of a lease that somebody left.
    const SEVERAL: u32 = 3;
    let role = app.shared.role.load();
    let nobody_leads = role.leadership.is_none() && role.detector.is_none();
    let refused = role
        .foreign_holder
        .is_some_and(|holder| holder.owner.is_none() && holder.seen >= SEVERAL);
    let port = app.shared.settings.router.representative_port;
    (nobody_leads && refused).then(|| {
        format!(
            "The router refuses port {port} and does not show who has it, and no camera that is \
             heard does: another device, or the router itself. No camera can answer for all. Look \
             at the router's own pages, or choose another router.representative_port, the same on \
             all cameras."
        )
    })
}

/// Whether a mapping is described as a camera's, or leads to one that is known: some routers write
/// a text of their own in the place of the description.
fn leads_to_a_camera(entry: &MappingEntry, cameras: &[Camera]) -> bool {
    let lan = entry
        .client_address()
        .zip(entry.internal)
        .map(|(address, port)| SocketAddrV4::new(address, port.get()));
    Description::name_of(&entry.description).is_some()
        || cameras.iter().any(|camera| Some(camera.lan) == lan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::time::Duration;

    use crate::fleet::{Activity, Locality, Presence, Scheme, Standing, Verification};
    use porthole_gateway::Protocol;
    use porthole_types::{ExternalPort, InternalPort};

    #[test]
    fn a_mapping_that_leads_to_a_known_camera_is_that_cameras_whatever_its_description_says() {
        let camera = Camera {
            locality: Locality::OtherServer,
            id: None,
            name: "Barn".to_owned(),
            lan: "192.168.1.20:8080".parse().unwrap(),
            external: None,
            standing: Standing::Member,
            activity: Activity::Unknown,
            scheme: Scheme::Http,
            verification: Verification::Verified,
            sources: BTreeMap::new(),
            presence: Presence::Here,
            age: Duration::ZERO,
        };
        let entry = |client: &str, port, description: &str| MappingEntry {
            external: ExternalPort::new(8080).unwrap(),
            protocol: Protocol::Tcp,
            client: client.to_owned(),
            internal: InternalPort::new(port),
            lease_seconds: Some(30),
            enabled: true,
            description: description.to_owned(),
            remote_host: String::new(),
        };
        let cameras = [camera];
        for (entry, is_one) in [
            (entry("192.168.1.20", 8080, "UPnP"), true),
            (entry("192.168.1.20", 9000, "UPnP"), false),
            (entry("192.168.1.21", 8080, "UPnP"), false),
            (entry("barn.lan", 8080, "UPnP"), false),
            (entry("192.168.1.21", 8080, "Porthole yard"), true),
        ] {
            assert_eq!(leads_to_a_camera(&entry, &cameras), is_one, "{entry:?}");
        }
    }

    #[test]
    fn without_a_router_the_notice_says_where_to_look() {
        let why = "no router answered on the network of 192.168.0.11: is UPnP switched on?";
        assert_eq!(
            no_router(why, Some(Ipv4Addr::new(192, 168, 0, 1))),
            "No router answered on the network of 192.168.0.11: is UPnP switched on? Look in the \
             router's own pages, most likely at http://192.168.0.1/; the switch is often beside \
             port forwarding or NAT. Until a router answers, this camera is reached on the LAN \
             only. It keeps looking."
        );
        let nowhere = no_router("cannot search: no network", None);
        assert!(nowhere.starts_with("Cannot search: no network. Look in"));
        assert!(nowhere.contains("own pages; the switch"));
    }

    #[test]
    fn a_sentence_begins_with_a_capital_and_ends_with_a_stop() {
        assert_eq!(sentence("ärger"), "Ärger.");
        assert_eq!(sentence("Ärger."), "Ärger.");
    }
}

//! A request of the rules on its way to the router actor: the port has to be open before it is
//! mapped.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use actix::Recipient;
use tracing::debug;

use crate::fleet::{default_name, mapped_servers};
use crate::messages::router::{AskRouter, MappingKind};
use crate::settings::PortMode;
use crate::shared::SharedState;
use porthole_election::{Event, Request};
use porthole_types::{ExternalPort, InternalPort};

/// How long the web server may take to listen on another port.
const PORT_OPENS: Duration = Duration::from_secs(3);

/// The name that a mapping on this port is described by: the one that people gave, or "server N".
pub(super) fn name_on(shared: &SharedState, port: ExternalPort) -> String {
    let given = shared.name.given();
    given.unwrap_or_else(|| default_name_on(shared, port))
}

/// "server N" for the port that is asked for (¶53).
fn default_name_on(shared: &SharedState, port: ExternalPort) -> String {
    let router = &shared.settings.router;
    let view = shared.router.borrow();
    let table = view.table.as_ref().map(|view| mapped_servers(&view.table));
    let me = shared
        .lan_address()
        .map_or(Ipv4Addr::UNSPECIFIED, |lan| lan.address);
    let me = SocketAddrV4::new(me, internal_port(shared, port).get());
    default_name(
        port,
        router.port_range.first(),
        router.representative_port,
        &table.unwrap_or_default(),
        me,
    )
}

/// The port of this server that `port` of the router leads to (Fig. 8).
pub(super) fn internal_port(shared: &SharedState, port: ExternalPort) -> InternalPort {
    match shared.settings.router.port_mode {
        PortMode::Separate => shared.settings.http.port,
        PortMode::Common => InternalPort(port.0),
    }
}

/// What the router says to one request, as an event for the rules; whatever goes wrong on the way
/// is a failure of the request.
pub(super) async fn answer(
    shared: &SharedState,
    router: &Recipient<AskRouter>,
    request: Request,
    name: &str,
) -> Event {
    let Some(lan) = shared.lan_address() else {
        return Event::Failed(request);
    };
    let port = request.port();
    let internal = internal_port(shared, port);
    if matches!(request, Request::Secure { .. } | Request::Remake { .. })
        && let Err(why) = shared.listen_ports.opened(internal, PORT_OPENS).await
    {
        debug!(%port, %why, "cannot listen there"); // the web server has said so, once
        // In common mode another port of the router leads to another one here, which may open.
        let another = shared.settings.router.port_mode == PortMode::Common
            && port != shared.role.rules().representative_port;
        return if another {
            Event::Taken {
                port,
                expires_in: None,
                by: None,
            }
        } else {
            Event::Failed(request)
        };
    }
    let internal = SocketAddrV4::new(lan.address, internal.get());
    let ask = AskRouter {
        request,
        internal,
        name: name.to_owned(),
        mapping: if port == shared.role.rules().representative_port {
            MappingKind::Representative
        } else {
            MappingKind::Own
        },
    };
    match router.send(ask).await {
        Ok(event) => event,
        // It crashed on this message: the outcome is unknown, and asking again is harmless.
        Err(_) => Event::Failed(request),
    }
}

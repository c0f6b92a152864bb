//! The services that a router offers, and where each is described and called. Pure.

use crate::quirks::{AfterReboot, ControlUrls, Generation, Quirks, Services};

/// Where the WAN connection services are described.
pub(super) const CONNECTION_SCPD_PATH: &str = "/WANIPCn.xml";
/// Where the WAN interface service is described.
pub(super) const INTERFACE_SCPD_PATH: &str = "/WANCfg.xml";
/// The folder that relative control URLs are in.
pub(super) const BASE_PATH: &str = "/igd/";
/// The service that miniupnpc wants to see before it takes a device for a gateway.
pub(super) const INTERFACE_SERVICE: &str =
    "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1";
/// The service of a line by `PPPoE`.
const PPP_SERVICE: &str = "urn:schemas-upnp-org:service:WANPPPConnection:1";

/// `urn:schemas-upnp-org:service:WANIPConnection:` and the version.
pub(super) fn connection_service(version: u8) -> String {
    format!("urn:schemas-upnp-org:service:WANIPConnection:{version}")
}

/// Whether a WAN connection service is the one that the line is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connected {
    Yes,
    No,
}

/// A service that can be called.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// Its type as the description has it.
    pub(super) kind: String,
    /// The types that it answers to: a later version takes calls for an earlier one (Device
    /// Architecture §2.8).
    pub(super) answers_to: Vec<String>,
    pub(super) id: &'static str,
    /// The name in its control URL.
    leaf: &'static str,
    pub(super) connected: Connected,
}

/// The WAN connection services of a router with these habits.
pub(super) fn connections(quirks: &Quirks) -> Vec<Service> {
    let service = |kind: String, id, leaf, connected| Service {
        answers_to: vec![kind.clone()],
        kind,
        id,
        leaf,
        connected,
    };
    match quirks.services {
        Services::One => {
            let version = quirks.generation.version();
            vec![Service {
                kind: connection_service(version),
                answers_to: (1..=version).map(connection_service).collect(),
                id: "WANIPConn1",
                leaf: "IPConn",
                connected: Connected::Yes,
            }]
        }
        Services::Several => vec![
            service(connection_service(1), "WANIPConn1", "IPConn", Connected::No),
            service(
                connection_service(2),
                "WANIPConn2",
                "IPConn2",
                Connected::No,
            ),
            service(
                PPP_SERVICE.to_owned(),
                "WANPPPConn1",
                "PPPConn",
                Connected::Yes,
            ),
        ],
    }
}

/// The WAN interface service.
pub(super) fn interface() -> Service {
    Service {
        kind: INTERFACE_SERVICE.to_owned(),
        answers_to: vec![INTERFACE_SERVICE.to_owned()],
        id: "WANCommonIFC1",
        leaf: "CmnIfCfg",
        connected: Connected::Yes,
    }
}

/// The types of WAN connection services that a search finds.
pub(super) fn connection_types(quirks: &Quirks) -> Vec<String> {
    let generation: Generation = quirks.generation;
    let mut types: Vec<_> = (1..=generation.version()).map(connection_service).collect();
    for service in connections(quirks) {
        if !types.contains(&service.kind) {
            types.push(service.kind);
        }
    }
    types
}

impl Service {
    /// The control URL as it stands in the description of the router's `boot`th run.
    pub(super) fn control_url(&self, quirks: &Quirks, boot: u32) -> String {
        let leaf = self.leaf;
        let run = match (quirks.after_reboot, boot) {
            (AfterReboot::PortMoves, _) | (AfterReboot::PathMoves, 0) => String::new(),
            (AfterReboot::PathMoves, boot) => format!("{boot}/"),
        };
        match quirks.control_urls {
            ControlUrls::FromRoot => format!("/{run}ctl/{leaf}"),
            ControlUrls::RelativeWithQuery => format!("{run}ctl?service={leaf}&amp;x=1"),
        }
    }

    /// What a request for that URL asks the server for.
    pub(super) fn control_target(&self, quirks: &Quirks, boot: u32) -> String {
        let url = self.control_url(quirks, boot).replace("&amp;", "&");
        match quirks.control_urls {
            ControlUrls::FromRoot => url,
            ControlUrls::RelativeWithQuery => format!("{BASE_PATH}{url}"),
        }
    }
}

//! The documents that tell a control point what this device is and can do (UPnP Device Architecture
//! §2). Pure.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::services::{self, BASE_PATH, CONNECTION_SCPD_PATH, INTERFACE_SCPD_PATH, Service};
use crate::quirks::{ControlUrls, DescriptionLead, Quirks, Specific};

/// What the router calls itself in HTTP and SSDP.
pub(super) const SERVER_NAME: &str = concat!(
    "Linux UPnP/1.1 Porthole-simulated-router/",
    env!("CARGO_PKG_VERSION")
);
/// Where the device description is served; the end of LOCATION.
pub(super) const ROOT_PATH: &str = "/rootDesc.xml";

/// `urn:schemas-upnp-org:device:InternetGatewayDevice:` and the version.
pub(super) fn gateway_device(version: u8) -> String {
    format!("urn:schemas-upnp-org:device:InternetGatewayDevice:{version}")
}

/// Which of the three nested devices.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// The outermost, an `InternetGatewayDevice`.
    Root,
    /// The `WANDevice` in the middle.
    Wan,
    /// The innermost, a `WANConnectionDevice`, which has the mappings.
    Connection,
}

/// A device's unique name: the same for the same LAN address, across reboots.
pub(super) fn unique_name(lan: Ipv4Addr, part: Part) -> String {
    let part: u8 = match part {
        Part::Root => 0,
        Part::Wan => 1,
        Part::Connection => 2,
    };
    // "porthole" in ASCII, then the part and the address.
    format!(
        "uuid:706f7274-686f-6c65-{part:04x}-0000{:08x}",
        u32::from(lan)
    )
}

/// The device description: a gateway with a WAN device with a WAN connection device; of the
/// router's `boot`th run, with its server at `http`.
pub(super) fn root(http: SocketAddrV4, quirks: &Quirks, boot: u32) -> String {
    let lan = *http.ip();
    let version = quirks.generation.version();
    let gateway = gateway_device(version);
    let about = "<manufacturer>Porthole</manufacturer><modelName>SIMULATED router</modelName>";
    let [root, wan, wan_connection] =
        [Part::Root, Part::Wan, Part::Connection].map(|part| unique_name(lan, part));
    let lead = match quirks.description_lead {
        DescriptionLead::None => "",
        DescriptionLead::MarkAndBlank => "\u{feff}\r\n ",
    };
    let base = match quirks.control_urls {
        ControlUrls::FromRoot => String::new(),
        ControlUrls::RelativeWithQuery => {
            format!("<URLBase>http://{http}{BASE_PATH}</URLBase>\n")
        }
    };
    let described = |service: &Service, path: &str| {
        format!(
            "<service><serviceType>{}</serviceType>\n\
             <serviceId>urn:upnp-org:serviceId:{}</serviceId><SCPDURL>{path}</SCPDURL>\n\
             <controlURL>{}</controlURL><eventSubURL></eventSubURL></service>",
            service.kind,
            service.id,
            service.control_url(quirks, boot)
        )
    };
    let interface = described(&services::interface(), INTERFACE_SCPD_PATH);
    let connections: String = services::connections(quirks)
        .iter()
        .map(|service| described(service, CONNECTION_SCPD_PATH))
        .collect();
    format!(
        r#"{lead}<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">
<specVersion><major>1</major><minor>1</minor></specVersion>
{base}<device><deviceType>{gateway}</deviceType><friendlyName>SIMULATED router {lan}</friendlyName>
{about}<UDN>{root}</UDN>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:{version}</deviceType>
<friendlyName>WANDevice</friendlyName>{about}<UDN>{wan}</UDN>
<serviceList>{interface}</serviceList>
<deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:{version}</deviceType>
<friendlyName>WANConnectionDevice</friendlyName>{about}<UDN>{wan_connection}</UDN>
<serviceList>{connections}</serviceList>
</device></deviceList></device></deviceList></device></root>
"#
    )
}

/// An action with its arguments, in the order of the specification.
struct Action {
    name: &'static str,
    takes: &'static [&'static str],
    gives: &'static [&'static str],
}

const CONNECTION_ACTIONS: &[Action] = &[
    Action {
        name: "AddPortMapping",
        takes: &[
            "NewRemoteHost",
            "NewExternalPort",
            "NewProtocol",
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewPortMappingDescription",
            "NewLeaseDuration",
        ],
        gives: &[],
    },
    Action {
        name: "DeletePortMapping",
        takes: &["NewRemoteHost", "NewExternalPort", "NewProtocol"],
        gives: &[],
    },
    Action {
        name: "GetSpecificPortMappingEntry",
        takes: &["NewRemoteHost", "NewExternalPort", "NewProtocol"],
        gives: &[
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewPortMappingDescription",
            "NewLeaseDuration",
        ],
    },
    Action {
        name: "GetGenericPortMappingEntry",
        takes: &["NewPortMappingIndex"],
        gives: &[
            "NewRemoteHost",
            "NewExternalPort",
            "NewProtocol",
            "NewInternalPort",
            "NewInternalClient",
            "NewEnabled",
            "NewPortMappingDescription",
            "NewLeaseDuration",
        ],
    },
    Action {
        name: "GetExternalIPAddress",
        takes: &[],
        gives: &["NewExternalIPAddress"],
    },
    Action {
        name: "GetStatusInfo",
        takes: &[],
        gives: &["NewConnectionStatus", "NewLastConnectionError", "NewUptime"],
    },
];

const LIST_ACTION: Action = Action {
    name: "GetListOfPortMappings",
    takes: &[
        "NewStartPort",
        "NewEndPort",
        "NewProtocol",
        "NewManage",
        "NewNumberOfPorts",
    ],
    gives: &["NewPortListing"],
};

const INTERFACE_ACTION: Action = Action {
    name: "GetCommonLinkProperties",
    takes: &[],
    gives: &[
        "NewWANAccessType",
        "NewLayer1UpstreamMaxBitRate",
        "NewLayer1DownstreamMaxBitRate",
        "NewPhysicalLinkStatus",
    ],
};

/// The description of the WAN connection service of a router with these habits.
pub(super) fn connection_scpd(quirks: &Quirks) -> String {
    let list = quirks.lists_in_one_request().then_some(&LIST_ACTION);
    let specific = quirks.specific == Specific::Offered;
    let offered = CONNECTION_ACTIONS
        .iter()
        .filter(|action| specific || action.name != "GetSpecificPortMappingEntry");
    scpd(offered.chain(list))
}

/// The description of the WAN interface service.
pub(super) fn interface_scpd() -> String {
    scpd([&INTERFACE_ACTION])
}

fn scpd<'a>(actions: impl IntoIterator<Item = &'a Action>) -> String {
    let mut list = String::new();
    let mut variables = std::collections::BTreeSet::new();
    // Writing to a String cannot fail.
    for action in actions {
        let _ = write!(list, "<action><name>{}</name><argumentList>", action.name);
        for (direction, names) in [("in", action.takes), ("out", action.gives)] {
            for name in names {
                // The state variable of an argument is named as it is, without its "New".
                let variable = name.trim_start_matches("New");
                variables.insert(variable);
                let _ = write!(
                    list,
                    "<argument><name>{name}</name><direction>{direction}</direction>\
                     <relatedStateVariable>{variable}</relatedStateVariable></argument>"
                );
            }
        }
        list.push_str("</argumentList></action>\n");
    }
    let mut table = String::new();
    for variable in variables {
        let _ = write!(
            table,
            "<stateVariable sendEvents=\"no\"><name>{variable}</name><dataType>{}</dataType>\
             </stateVariable>",
            data_type(variable)
        );
    }
    format!(
        "<?xml version=\"1.0\"?>\n<scpd xmlns=\"urn:schemas-upnp-org:service-1-0\">\
         <specVersion><major>1</major><minor>0</minor></specVersion>\n\
         <actionList>{list}</actionList>\n<serviceStateTable>{table}</serviceStateTable></scpd>\n"
    )
}

/// The UPnP data type of a state variable.
fn data_type(variable: &str) -> &'static str {
    match variable {
        "Enabled" | "Manage" => "boolean",
        "ExternalPort" | "InternalPort" | "StartPort" | "EndPort" | "PortMappingIndex" => "ui2",
        "LeaseDuration"
        | "Uptime"
        | "NumberOfPorts"
        | "Layer1UpstreamMaxBitRate"
        | "Layer1DownstreamMaxBitRate" => "ui4",
        _ => "string",
    }
}

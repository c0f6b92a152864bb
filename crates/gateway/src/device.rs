//! A router's device description (UPnP Device Architecture, section 2.3): fetching it within
//! limits, and finding in it the services that map ports.

use std::fmt;

use bytes::Bytes;
use http::Request;
use serde::{Serialize, Serializer};
use url::Url;

use crate::action::Action;
use crate::error::Error;
use crate::http_exchange::{self, ANSWER_TIME, Failure, Limits, address_in};
use crate::xml::{self, Element};

/// Bytes of a description that are read. Real ones have 3 to 10 KiB.
pub const MAX_DESCRIPTION: usize = 64 * 1024;

/// Services in one description that are looked at.
const MAX_SERVICES: usize = 8;

/// Characters of a device's name that are kept.
const MAX_NAME: usize = 64;

/// A service that maps ports. A closed set, because it is written into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceType {
    /// `urn:schemas-upnp-org:service:WANIPConnection:` and this version.
    WanIp(u8),
    /// `urn:schemas-upnp-org:service:WANPPPConnection:` and this version.
    WanPpp(u8),
}

impl ServiceType {
    fn read(text: &str) -> Option<Self> {
        let (name, version) = text
            .strip_prefix("urn:schemas-upnp-org:service:")?
            .split_once(':')?;
        let version = version.parse().ok()?;
        match name {
            "WANIPConnection" => Some(Self::WanIp(version)),
            "WANPPPConnection" => Some(Self::WanPpp(version)),
            _ => None,
        }
    }
}

impl fmt::Display for ServiceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, version) = match self {
            Self::WanIp(version) => ("WANIPConnection", version),
            Self::WanPpp(version) => ("WANPPPConnection", version),
        };
        write!(f, "urn:schemas-upnp-org:service:{name}:{version}")
    }
}

impl Serialize for ServiceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a description says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device's own name and model; allow-listed characters, at most 64, never empty.
    pub name: String,
    /// The services that map ports, with the URLs that control them, in the description's order.
    pub services: Vec<(ServiceType, Url)>,
}

/// Fetch and read the description at a location whose host was checked (see [`ssdp`](crate::ssdp)).
///
/// # Errors
/// When it cannot be fetched in time and within the limits, or names no service that maps ports.
pub async fn describe(location: &Url) -> Result<Device, Error> {
    let action = Action::Describe;
    let body = fetch(location).await?;
    let device = read(&String::from_utf8_lossy(&body), location);
    if device.services.is_empty() {
        return Err(Error::Unreadable {
            action,
            what: "it names no service that maps ports".to_owned(),
        });
    }
    Ok(device)
}

async fn fetch(location: &Url) -> Result<Bytes, Error> {
    let action = Action::Describe;
    let unreadable = |what: String| Error::Unreadable { action, what };
    let request = Request::get("/");
    let limits = Limits {
        time: ANSWER_TIME,
        bytes: MAX_DESCRIPTION,
    };
    let reply = http_exchange::exchange(None, location, request, Bytes::new(), limits)
        .await
        .map_err(|failure| match failure {
            Failure::Unreachable(why) => Error::Unreachable { action, why },
            Failure::TimedOut => Error::TimedOut { action },
            Failure::TooLong => Error::TooLarge {
                action,
                limit: MAX_DESCRIPTION,
            },
            Failure::Unreadable(what) => unreadable(what),
        })?;
    if !reply.status.is_success() {
        return Err(unreadable(format!("HTTP status {}", reply.status.as_u16())));
    }
    Ok(reply.body)
}

/// Read a description. Services whose control URL leads to another host than the description's are
/// left out.
#[must_use]
pub fn read(text: &str, location: &Url) -> Device {
    let root = xml::read(text).root;
    let base = root
        .text_of("URLBase")
        .and_then(|base| location.join(base).ok())
        .filter(|base| address_in(base) == address_in(location))
        .unwrap_or_else(|| location.clone());
    let services = root
        .find_all("service")
        .into_iter()
        .filter_map(|service| {
            let kind = ServiceType::read(service.child_text("serviceType")?)?;
            let control = service
                .child_text("controlURL")
                .filter(|url| !url.is_empty())?;
            let control = base.join(control).ok()?;
            let own =
                address_in(&control).is_some() && address_in(&control) == address_in(location);
            own.then_some((kind, control))
        })
        .take(MAX_SERVICES)
        .collect();
    Device {
        name: name(&root),
        services,
    }
}

/// The friendly name, and the model where it says something more.
fn name(root: &Element) -> String {
    let part = |name| allowed(root.text_of(name).unwrap_or_default());
    let (friendly, model) = (part("friendlyName"), part("modelName"));
    let mut name = if model.is_empty() || friendly.contains(&model) {
        friendly
    } else if friendly.is_empty() {
        model
    } else {
        format!("{friendly} ({model})")
    };
    name.truncate(MAX_NAME); // ASCII only: any byte is a boundary
    if name.is_empty() {
        "unnamed router".to_owned()
    } else {
        name
    }
}

fn allowed(text: &str) -> String {
    let kept: String = text
        .chars()
        .take(MAX_NAME)
        .filter(|c| c.is_ascii_alphanumeric() || " -_.,:()+/".contains(*c))
        .collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn location() -> Url {
        "http://192.168.77.1:5000/rootDesc.xml".parse().unwrap()
    }

    fn description(base: &str, control: &str) -> String {
        format!(
            "<?xml version='1.0'?><root xmlns='urn:schemas-upnp-org:device-1-0'>{base}<device>\
             <friendlyName>OpenWRT router</friendlyName><modelName>miniupnpd</modelName>\
             <deviceList><device><serviceList>\
             <service>\
             <serviceType>urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1</serviceType>\
             <controlURL>/other</controlURL></service></serviceList><deviceList><device>\
             <serviceList>\
             <service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:2</serviceType>\
             <SCPDURL>/WANIPCn.xml</SCPDURL><controlURL>{control}</controlURL></service>\
             <service><serviceType>urn:schemas-upnp-org:service:WANPPPConnection:1</serviceType>\
             <controlURL>/ppp</controlURL></service>\
             </serviceList></device></deviceList></device></deviceList></device></root>"
        )
    }

    fn controls(text: &str) -> Vec<String> {
        read(text, &location())
            .services
            .iter()
            .map(|(kind, url)| format!("{kind} {url}"))
            .collect()
    }

    #[test]
    fn the_services_that_map_ports_are_found_wherever_they_are_nested() {
        assert_eq!(
            controls(&description("", "/ctl/IPConn")),
            [
                "urn:schemas-upnp-org:service:WANIPConnection:2 \
                 http://192.168.77.1:5000/ctl/IPConn",
                "urn:schemas-upnp-org:service:WANPPPConnection:1 http://192.168.77.1:5000/ppp",
            ]
        );
        assert_eq!(
            read(&description("", "/c"), &location()).name,
            "OpenWRT router (miniupnpd)"
        );
    }

    #[test]
    fn a_base_on_the_same_host_is_followed_and_one_elsewhere_is_not() {
        let base = "<URLBase>http://192.168.77.1:49000/x/</URLBase>";
        assert!(
            controls(&description(base, "ctl"))[0].ends_with("http://192.168.77.1:49000/x/ctl")
        );
        let base = "<URLBase>http://10.0.0.1/</URLBase>";
        assert!(controls(&description(base, "ctl"))[0].ends_with("http://192.168.77.1:5000/ctl"));
    }

    #[test]
    fn a_control_url_on_another_host_is_left_out() {
        for elsewhere in [
            "http://192.168.77.2:5000/ctl",
            "https://192.168.77.1/ctl",
            "http://router.lan/ctl",
            "http://user@192.168.77.1:5000/ctl",
            "//127.0.0.1/ctl",
            "file:///etc/passwd",
            "",
        ] {
            let left = controls(&description("", elsewhere));
            assert_eq!(left.len(), 1, "{elsewhere}: {left:?}");
        }
    }

    #[test]
    fn only_real_service_types_are_taken() {
        for text in [
            "urn:schemas-upnp-org:service:WANIPConnection:1\"><x",
            "urn:schemas-upnp-org:service:WANIPConnection:",
            "urn:example:service:WANIPConnection:1",
        ] {
            assert_eq!(ServiceType::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_description_makes_a_name_that_is_long_or_has_markup_in_it(
            friendly in any::<String>(),
        ) {
            let text = format!("<root><friendlyName>{}</friendlyName>\
                                </root>", quick_xml::escape::escape(&friendly[..]));
            let name = read(&text, &location()).name;
            prop_assert!(!name.is_empty() && name.len() <= MAX_NAME);
            prop_assert!(name.is_ascii() && !name.contains(['<', '>', '&', '"', '\'']));
        }
    }
}

//! A router's device description (UPnP Device Architecture, section 2.3): fetching it within
//! limits, and finding in it the services that map ports.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::{Serialize, Serializer};
use url::{Host, Url};

use crate::action::Action;
use crate::error::Error;
use crate::xml::{self, Element};

/// Bytes of a description that are read. Real ones have 3 to 10 KiB.
pub const MAX_DESCRIPTION: usize = 64 * 1024;

/// How long fetching one may take.
const FETCH_TIME: Duration = Duration::from_secs(5);

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

/// The IPv4 address in a URL that a router gave, or nothing unless it is plain `http` with a
/// literal address and port: what keeps a router from sending us elsewhere.
pub(super) fn address(url: &Url) -> Option<Ipv4Addr> {
    let plain = url.scheme() == "http"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port() != Some(0);
    match url.host() {
        Some(Host::Ipv4(address)) if plain => Some(address),
        _ => None,
    }
}

/// Fetch and read the description at a location whose host was checked to be the responder's own.
///
/// # Errors
/// When it cannot be fetched in time and within the limits, or names no service that maps ports.
pub async fn describe(location: &Url) -> Result<Device, Error> {
    let action = Action::Describe;
    let body = tokio::time::timeout(FETCH_TIME, fetch(location))
        .await
        .map_err(|_| Error::TimedOut { action })??;
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
    let uri = location
        .as_str()
        .parse()
        .map_err(|_| unreadable("its location is not a URL".to_owned()))?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let response = client.get(uri).await.map_err(|error| Error::Unreachable {
        action,
        why: root_cause(&error),
    })?;
    if !response.status().is_success() {
        return Err(unreadable(format!(
            "HTTP status {}",
            response.status().as_u16()
        )));
    }
    match Limited::new(response.into_body(), MAX_DESCRIPTION)
        .collect()
        .await
    {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::TooLarge {
            action,
            limit: MAX_DESCRIPTION,
        }),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// The message of the innermost cause: "Connection refused" instead of "client error".
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Read a description. Services whose control URL leads to another host than the description's are
/// left out.
#[must_use]
pub fn read(text: &str, location: &Url) -> Device {
    let root = xml::read(text).root;
    let base = root
        .text_of("URLBase")
        .and_then(|base| location.join(base).ok())
        .filter(|base| address(base) == address(location))
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
            let own = address(&control).is_some() && address(&control) == address(location);
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

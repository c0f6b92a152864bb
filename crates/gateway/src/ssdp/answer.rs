//! Reading what devices say of themselves: answers to searches, and announcements (UPnP Device
//! Architecture, sections 1.3.3 and 1.2.2). Pure.

use std::net::{Ipv4Addr, SocketAddr};

use url::Url;

use crate::http_exchange::address_in;

/// In the type of whatever a gateway consists of.
const MARKS: [&str; 4] = [
    "InternetGatewayDevice",
    "WANConnectionDevice",
    "WANIPConnection",
    "WANPPPConnection",
];

/// What a device says it is; the better comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A gateway, or a part of one.
    Gateway,
    /// A device of whatever kind: `upnp:rootdevice`, or a type that says nothing.
    Unsaid,
    /// Something else: a television, a printer.
    Other,
}

/// An answer that passed the checks: who gave it, and where the description is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The address that the datagram came from.
    pub(super) responder: Ipv4Addr,
    /// The host of the location: the device itself.
    pub(super) address: Ipv4Addr,
    pub(super) location: Url,
    pub(super) kind: Kind,
}

/// Read an answer to a search: a status of 200 and a location that may be followed.
pub(super) fn answer(
    datagram: &[u8],
    from: SocketAddr,
    default_gateway: Option<Ipv4Addr>,
) -> Option<Answer> {
    let text = String::from_utf8_lossy(datagram);
    let mut status = text.lines().next()?.split_whitespace();
    if !status.next()?.starts_with("HTTP/1.") || status.next()? != "200" {
        return None;
    }
    read(&text, from, default_gateway)
}

/// Read an announcement that a device is there (`ssdp:alive`). One that names its kind and is no
/// gateway is nothing to us; nor is one that leaves (`ssdp:byebye`): the next request shows that.
pub(super) fn announcement(
    datagram: &[u8],
    from: SocketAddr,
    default_gateway: Option<Ipv4Addr>,
) -> Option<Answer> {
    let text = String::from_utf8_lossy(datagram);
    let mut start = text.lines().next()?.split_whitespace();
    let alive = header(&text, "nts").is_some_and(|nts| nts.eq_ignore_ascii_case("ssdp:alive"));
    if start.next()? != "NOTIFY" || !alive {
        return None;
    }
    let root = header(&text, "nt").is_some_and(|nt| nt.eq_ignore_ascii_case("upnp:rootdevice"));
    read(&text, from, default_gateway).filter(|answer| root || answer.kind == Kind::Gateway)
}

/// The location must be on the very address that spoke, or on the default gateway's: of a pair of
/// gateways that share an address, each speaks from its own. Otherwise any device on the LAN could
/// make this server fetch from any other.
fn read(text: &str, from: SocketAddr, default_gateway: Option<Ipv4Addr>) -> Option<Answer> {
    let SocketAddr::V4(from) = from else {
        return None;
    };
    let location = Url::parse(header(text, "location")?).ok()?;
    let address = address_in(&location)?;
    (address == *from.ip() || default_gateway == Some(address)).then(|| Answer {
        responder: *from.ip(),
        address,
        location,
        kind: kind(text),
    })
}

fn kind(text: &str) -> Kind {
    let said = ["st", "nt", "usn"].map(|name| header(text, name).unwrap_or_default());
    if said
        .iter()
        .any(|said| MARKS.iter().any(|mark| said.contains(mark)))
    {
        Kind::Gateway
    } else if said.iter().any(|said| said.contains("urn:")) {
        Kind::Other
    } else {
        Kind::Unsaid
    }
}

/// The value of a header, whatever its case and spacing.
fn header<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    text.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case(wanted)
            .then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: Option<Ipv4Addr> = Some(Ipv4Addr::new(192, 168, 77, 254));

    fn from() -> SocketAddr {
        "192.168.77.1:1900".parse().unwrap()
    }

    #[test]
    fn an_answer_is_read_whatever_its_case_and_spacing() {
        let read = |text: &str| {
            answer(text.as_bytes(), from(), GATEWAY).map(|answer| answer.location.to_string())
        };
        for (good, location) in [
            (
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=120\r\nlocation : \
                 http://192.168.77.1:5000/r.xml \r\n\r\n",
                "http://192.168.77.1:5000/r.xml",
            ),
            (
                "HTTP/1.0 200 OK\nLOCATION:http://192.168.77.254/\n\n",
                "http://192.168.77.254/",
            ),
        ] {
            assert_eq!(read(good).as_deref(), Some(location));
        }
        for bad in [
            "",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 500 No\r\nLOCATION: http://192.168.77.1/\r\n\r\n",
            "NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.77.1/\r\n\r\n",
            "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.77.2/\r\n\r\n",
            "HTTP/1.1 200 OK\r\nLOCATION: http://127.0.0.1/\r\n\r\n",
            "HTTP/1.1 200 OK\r\nLOCATION: https://192.168.77.1/\r\n\r\n",
            "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.77.1:0/\r\n\r\n",
            "HTTP/1.1 200 OK\r\nLOCATION: http://a@192.168.77.254/\r\n\r\n",
            "HTTP/1.1 200 OK\r\nLOCATION: http://router/\r\n\r\n",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_gateway_is_told_from_a_television_by_what_it_says_it_is() {
        for (said, expected) in [
            (
                "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1",
                Kind::Gateway,
            ),
            (
                "ST: upnp:rootdevice\r\nUSN: uuid:1::urn:x:service:WANPPPConnection:1",
                Kind::Gateway,
            ),
            (
                "ST: upnp:rootdevice\r\nUSN: uuid:1::upnp:rootdevice",
                Kind::Unsaid,
            ),
            ("ST: uuid:1", Kind::Unsaid),
            ("SERVER: x", Kind::Unsaid),
            (
                "ST: urn:schemas-upnp-org:device:MediaRenderer:1",
                Kind::Other,
            ),
            (
                "ST: urn:schemas-wifialliance-org:device:WFADevice:1",
                Kind::Other,
            ),
        ] {
            let text =
                format!("HTTP/1.1 200 OK\r\n{said}\r\nLOCATION: http://192.168.77.1/\r\n\r\n");
            let answer = answer(text.as_bytes(), from(), GATEWAY).unwrap();
            assert_eq!(answer.kind, expected, "{said}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_datagram_brings_the_search_down_or_leads_it_elsewhere(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
        ) {
            let alive = "NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\nNTS: ssdp:alive";
            for start in ["HTTP/1.1 200 OK", alive] {
                let mut text = format!("{start}\r\nLOCATION: http://192.168.77.1").into_bytes();
                text.extend(&bytes);
                for read in [answer, announcement] {
                    if let Some(answer) = read(&text, from(), GATEWAY) {
                        proptest::prop_assert_eq!(answer.location.host_str(), Some("192.168.77.1"));
                    }
                    let _ = read(&bytes, from(), GATEWAY);
                }
            }
        }
    }
}

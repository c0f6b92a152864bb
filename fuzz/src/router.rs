//! What a router, or whoever says that it is one, answers: searches, its description, SOAP.

use std::net::{Ipv4Addr, SocketAddr};

use porthole_gateway::device::{self, MAX_DESCRIPTION};
use porthole_gateway::xml::{self, Element};
use porthole_gateway::{Action, Description, Error, MappingEntry, soap, ssdp};
use url::Url;

/// Texts of a router in the table, in characters.
const LONGEST_TEXT: usize = 128;

/// Whatever a router answers, the words about it fit a line of a log.
const LONGEST_ERROR: usize = 400;

const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
const DEFAULT_GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 254);

/// An answer to a search or an announcement, as a datagram. What it tells of must be on the address
/// that spoke, or on the default gateway's.
pub fn ssdp(datagram: &[u8]) -> bool {
    let from = SocketAddr::from((ROUTER, 1900));
    let alone = ssdp::location(datagram, from, None);
    if let Some(location) = &alone {
        assert_eq!(location.host_str(), Some("192.168.77.1"), "{location}");
    }
    let Some(location) = ssdp::location(datagram, from, Some(DEFAULT_GATEWAY)) else {
        assert_eq!(
            alone, None,
            "a known default gateway only adds to what may be followed"
        );
        return false;
    };
    let host = location.host_str();
    assert!(
        host == Some("192.168.77.1") || host == Some("192.168.77.254"),
        "{location} leads elsewhere"
    );
    assert_eq!(location.scheme(), "http", "{location}");
    assert!(location.username().is_empty() && location.password().is_none());
    assert_ne!(location.port(), Some(0), "{location}");
    // Each byte is three where it has to be escaped, nine where it was no text.
    assert!(location.as_str().len() <= 64 + 9 * datagram.len());
    true
}

/// A device description. Nothing in it leads to another device.
pub fn description(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let document = xml::read(&text);
    // What is kept stands in the text; nothing expands.
    assert!(size(&document.root) <= text.len());
    assert!(depth(&document.root) <= 33);
    let location: Url = "http://192.168.77.1:5000/rootDesc.xml"
        .parse()
        .expect("an address");
    let device = device::read(&text, &location);
    assert!((1..=64).contains(&device.name.len()), "{:?}", device.name);
    assert!(device.name.bytes().all(|b| (b' '..=b'~').contains(&b)));
    assert!(device.services.len() <= 8);
    for (kind, control) in &device.services {
        assert_eq!(control.host_str(), Some("192.168.77.1"), "{kind} {control}");
        assert!(control.as_str().len() <= 128 + 9 * MAX_DESCRIPTION);
    }
    !device.services.is_empty()
}

/// The answer to a request; the first byte says to which. And values of a request, which come back
/// as they were.
pub fn soap(bytes: &[u8]) -> bool {
    let Some((&choice, body)) = bytes.split_first() else {
        return false;
    };
    let action = Action::ALL[usize::from(choice) % Action::ALL.len()];
    let text = String::from_utf8_lossy(body);
    written_and_read_again(action, &text);
    match soap::reply(action, &text) {
        Ok(response) => {
            answered(&response, &text);
            true
        }
        Err(error) => {
            explained(&error, action);
            false
        }
    }
}

fn written_and_read_again(action: Action, text: &str) {
    let value: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let body = soap::request(action, "urn:x", &[("NewValue", &value)]);
    let read = xml::read(&body);
    assert_eq!(read.damage, None, "{body}");
    assert_eq!(read.root.text_of("NewValue"), Some(value.trim()));
}

fn answered(response: &Element, text: &str) {
    let port = porthole_types::ExternalPort::new(8080).expect("a port");
    let single = [
        MappingEntry::read(response),
        MappingEntry::read_specific(response, port),
    ];
    let listed = match soap::listing(response) {
        Ok(listing) => {
            let known = text.matches("PortMappingEntry").count();
            assert!(listing.entries.len() <= known.max(text.len() / 16));
            if let Some(damage) = &listing.damage {
                in_a_line(damage);
            }
            listing.entries
        }
        Err(error) => {
            explained(&error, Action::GetListOfPortMappings);
            Vec::new()
        }
    };
    for entry in single.into_iter().flatten().chain(listed) {
        for shown in [&entry.client, &entry.description, &entry.remote_host] {
            assert!(shown.chars().count() <= LONGEST_TEXT, "{entry:?}");
            assert!(!shown.chars().any(porthole_types::is_unseen), "{entry:?}");
        }
        if let Some(name) = Description::name_of(&entry.description) {
            // Written and read again, it stays as it is then.
            let written = Description::for_name(name);
            let again = Description::name_of(written.as_str()).expect("ours");
            assert_eq!(Description::for_name(again), written);
        }
    }
}

fn explained(error: &Error, action: Action) {
    let said = error.to_string();
    assert!(said.contains(action.as_str()), "{said}");
    assert!(!error.code().is_empty());
    in_a_line(&said);
}

fn in_a_line(said: &str) {
    assert!(said.chars().count() <= LONGEST_ERROR, "{said}");
    assert!(!said.chars().any(porthole_types::is_unseen), "{said:?}");
}

fn size(element: &Element) -> usize {
    let inside: usize = element.children.iter().map(size).sum();
    element.name.len() + element.text.len() + inside
}

fn depth(element: &Element) -> usize {
    1 + element.children.iter().map(depth).max().unwrap_or(0)
}

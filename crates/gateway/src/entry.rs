//! One line of a router's table, read tolerantly: what can be read is kept, what cannot is left
//! out.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use serde::Serialize;

use porthole_types::{ExternalPort, InternalPort};

use crate::lease::Lease;
use crate::xml::Element;

/// Longer texts in a table are cut: descriptions of 300 characters have been seen.
const MAX_TEXT: usize = 128;

/// What a mapping forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP, all that Porthole itself uses.
    Tcp,
    /// UDP, others' entries.
    Udp,
}

impl Protocol {
    /// As UPnP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp]
            .into_iter()
            .find(|protocol| text.eq_ignore_ascii_case(protocol.as_str()))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One mapping in a router's table. Texts are printable and at most 128 characters, but anybody on
/// the LAN may have written them: escape them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappingEntry {
    /// The port on the Internet side.
    pub external: ExternalPort,
    /// What it forwards.
    pub protocol: Protocol,
    /// The device it forwards to: an IPv4 address, or whatever the router writes there (host names
    /// occur); may be empty.
    pub client: String,
    /// The port it forwards to, where the router says.
    pub internal: Option<InternalPort>,
    /// Seconds it has left (some routers: was granted), 0 for a permanent one; nothing where the
    /// router does not say.
    pub lease_seconds: Option<u32>,
    /// Whether it is in force. Assumed where the router does not say.
    pub enabled: bool,
    /// What its maker wrote.
    pub description: String,
    /// The only host it lets in, usually empty for any.
    pub remote_host: String,
}

/// Whose an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Our own: it leads to our address and port.
    Ours,
    /// Another device's, or another program's.
    Another,
    /// The router shows no address for the device (a host name, a MAC, nothing), or no port.
    Unclear,
}

impl MappingEntry {
    /// The device it forwards to, where that is written as an address.
    #[must_use]
    pub fn client_address(&self) -> Option<Ipv4Addr> {
        self.client.parse().ok()
    }

    /// Whose it is, switched on or off: ours if it points to exactly this address and port. The
    /// description does not count: renewing does not always change it, and anybody can copy it.
    #[must_use]
    pub fn whose(&self, internal: SocketAddrV4) -> Whose {
        let same_port = self.internal.map(|port| port.get() == internal.port());
        let same_device = self.client_address().map(|client| client == *internal.ip());
        match (same_device, same_port) {
            (Some(false), _) | (_, Some(false)) => Whose::Another,
            (Some(true), Some(true)) => Whose::Ours,
            (None, _) | (_, None) => Whose::Unclear,
        }
    }

    /// Whether it is certain that it points to exactly this address and port.
    #[must_use]
    pub fn points_to(&self, internal: SocketAddrV4) -> bool {
        self.whose(internal) == Whose::Ours
    }

    /// The lease it shows, where it shows one.
    #[must_use]
    pub fn lease(&self) -> Option<Lease> {
        self.lease_seconds.map(Lease::from_seconds)
    }

    /// Read an entry of a table: the arguments of a `GetGenericPortMappingEntry` answer, or a
    /// `PortMappingEntry` of `GetListOfPortMappings`. Nothing without a port and a protocol;
    /// port 0 (the wildcard) is left out too.
    #[must_use]
    pub fn read(fields: &Element) -> Option<Self> {
        let port = number(fields, "NewExternalPort").and_then(|port| u16::try_from(port).ok())?;
        let protocol = fields.text_of("NewProtocol").and_then(Protocol::read)?;
        Some(Self::read_keyed(fields, ExternalPort::new(port)?, protocol))
    }

    /// Read the answer to `GetSpecificPortMappingEntry` for this port, which does not repeat the
    /// key. Nothing where it names neither client nor port: some routers say so that there is
    /// no entry.
    #[must_use]
    pub fn read_specific(fields: &Element, external: ExternalPort) -> Option<Self> {
        let entry = Self::read_keyed(fields, external, Protocol::Tcp);
        (!entry.client.is_empty() || entry.internal.is_some()).then_some(entry)
    }

    fn read_keyed(fields: &Element, external: ExternalPort, protocol: Protocol) -> Self {
        let text = |name| printable(fields.text_of(name).unwrap_or_default(), MAX_TEXT);
        // The list and the single entries give two of the fields different names.
        let first_of =
            |names: [&'static str; 2]| names.into_iter().find(|name| fields.find(name).is_some());
        Self {
            external,
            protocol,
            client: text("NewInternalClient"),
            internal: number(fields, "NewInternalPort")
                .and_then(|port| u16::try_from(port).ok())
                .and_then(InternalPort::new),
            lease_seconds: first_of(["NewLeaseDuration", "NewLeaseTime"])
                .and_then(|name| number(fields, name)),
            enabled: fields.text_of("NewEnabled").is_none_or(is_true),
            description: first_of(["NewPortMappingDescription", "NewDescription"])
                .map(text)
                .unwrap_or_default(),
            remote_host: text("NewRemoteHost"),
        }
    }
}

fn number(fields: &Element, name: &str) -> Option<u32> {
    fields.text_of(name)?.parse().ok()
}

fn is_true(text: &str) -> bool {
    !["0", "false", "no"]
        .iter()
        .any(|no| text.eq_ignore_ascii_case(no))
}

/// The text without control and direction characters, trimmed, cut to so many characters.
pub(super) fn printable(text: &str, max: usize) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{ad}'
                    | '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}'
                    | '\u{feff}'
            )
    };
    text.trim()
        .chars()
        .filter(|&c| !invisible(c))
        .take(max)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn fields(inside: &str) -> Element {
        xml::read(&format!("<r>{inside}</r>")).root
    }

    fn port(port: u16) -> ExternalPort {
        ExternalPort::new(port).unwrap()
    }

    #[test]
    fn a_whole_entry_is_read() {
        let entry = MappingEntry::read(&fields(
            "<NewRemoteHost></NewRemoteHost><NewExternalPort>8081</NewExternalPort>\
             <NewProtocol>TCP</NewProtocol>\
             <NewInternalPort>8080</NewInternalPort>\
             <NewInternalClient>192.168.77.12</NewInternalClient>\
             <NewEnabled>1</NewEnabled><NewPortMappingDescription>Porthole server \
             2</NewPortMappingDescription>\
             <NewLeaseDuration>3599</NewLeaseDuration>",
        ))
        .unwrap();
        assert_eq!(
            entry,
            MappingEntry {
                external: port(8081),
                protocol: Protocol::Tcp,
                client: "192.168.77.12".into(),
                internal: InternalPort::new(8080),
                lease_seconds: Some(3_599),
                enabled: true,
                description: "Porthole server 2".into(),
                remote_host: String::new(),
            }
        );
        assert!(entry.points_to("192.168.77.12:8080".parse().unwrap()));
        assert!(!entry.points_to("192.168.77.12:8081".parse().unwrap()));
        assert!(!entry.points_to("192.168.77.13:8080".parse().unwrap()));
    }

    #[test]
    fn an_odd_entry_keeps_what_is_readable() {
        let entry = MappingEntry::read(&fields(
            "<NewExternalPort> 8082 </NewExternalPort><NewProtocol>tcp</NewProtocol>\
             <NewInternalPort>99999</NewInternalPort>\
             <NewInternalClient>anna-laptop</NewInternalClient>\
             <NewEnabled>true</NewEnabled><NewLeaseDuration>soon</NewLeaseDuration>",
        ))
        .unwrap();
        assert_eq!(entry.client, "anna-laptop");
        assert_eq!(entry.client_address(), None);
        assert_eq!(entry.internal, None);
        assert_eq!(entry.lease_seconds, None);
        assert!(entry.enabled);
    }

    #[test]
    fn an_entry_without_a_key_is_none() {
        for inside in [
            "",
            "<NewExternalPort>0</NewExternalPort><NewProtocol>TCP</NewProtocol>",
            "<NewExternalPort>65536</NewExternalPort><NewProtocol>TCP</NewProtocol>",
            "<NewExternalPort>80</NewExternalPort>",
            "<NewExternalPort>80</NewExternalPort><NewProtocol>SCTP</NewProtocol>",
        ] {
            assert_eq!(MappingEntry::read(&fields(inside)), None, "{inside}");
        }
    }

    #[test]
    fn an_entry_that_is_switched_off_says_so() {
        for off in ["0", "false", "No"] {
            let entry = MappingEntry::read_specific(
                &fields(&format!(
                    "<NewInternalPort>80</NewInternalPort><NewEnabled>{off}</NewEnabled>"
                )),
                port(80),
            );
            assert!(!entry.unwrap().enabled, "{off}");
        }
    }

    #[test]
    fn an_answer_that_names_neither_client_nor_port_is_no_entry() {
        let empty =
            fields("<NewInternalPort>0</NewInternalPort><NewInternalClient></NewInternalClient>");
        assert_eq!(MappingEntry::read_specific(&empty, port(80)), None);
    }

    #[test]
    fn texts_are_made_printable_and_cut() {
        assert_eq!(printable(" a\u{202e}b\r\nc ", 8), "abc");
        assert_eq!(printable(&"x".repeat(300), MAX_TEXT).len(), MAX_TEXT);
    }
}

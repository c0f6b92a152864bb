//! Whether the address that a router calls its external one can be reached from the Internet, and
//! what to tell the user when it cannot. Pure.

use std::net::Ipv4Addr;

use serde::Serialize;

use crate::status::Connection;

/// What kind of address a router has on its Internet side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressKind {
    /// Reachable from anywhere.
    Public,
    /// RFC 1918: there is another router in front of this one (double NAT).
    Private,
    /// RFC 6598, 100.64.0.0/10, or RFC 6333, 192.0.0.0/29: the provider shares one address among
    /// its customers.
    CarrierGrade,
    /// 127.0.0.0/8: a simulated router.
    Loopback,
    /// RFC 3927, 169.254.0.0/16: the router got no address from its provider.
    LinkLocal,
    /// RFC 5737 and RFC 2544: addresses of examples and laboratories.
    Documentation,
    /// Multicast, reserved, or 0.0.0.0/8 beside 0.0.0.0 itself.
    Unusable,
    /// Empty or 0.0.0.0: the router has none, its Internet line is down.
    Missing,
    /// The router does not tell, or what it tells is no IPv4 address: nothing is known.
    Unreadable,
}

/// A router's external address with its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalAddress {
    /// The address itself, if there is one.
    pub address: Option<Ipv4Addr>,
    /// Whether the Internet can reach it, as its range says.
    pub kind: AddressKind,
}

impl ExternalAddress {
    /// The router does not tell it.
    pub const UNREADABLE: Self = Self {
        address: None,
        kind: AddressKind::Unreadable,
    };
}

impl From<Option<Ipv4Addr>> for ExternalAddress {
    fn from(address: Option<Ipv4Addr>) -> Self {
        let address = address.filter(|address| !address.is_unspecified());
        Self {
            address,
            kind: address.map_or(AddressKind::Missing, kind),
        }
    }
}

fn kind(address: Ipv4Addr) -> AddressKind {
    match address.octets() {
        _ if address.is_private() => AddressKind::Private,
        [100, 64..=127, ..] | [192, 0, 0, 0..=7] => AddressKind::CarrierGrade,
        [127, ..] => AddressKind::Loopback,
        [169, 254, ..] => AddressKind::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18..=19, ..] => {
            AddressKind::Documentation
        }
        [0 | 224.., ..] | [192, 0, 0, _] => AddressKind::Unusable,
        _ => AddressKind::Public,
    }
}

impl ExternalAddress {
    /// What to tell the user, or nothing when all is well. The cameras keep serving the LAN in
    /// every case.
    ///
    /// `connection` is what the router says about its Internet side: many routers (miniupnpd) hide
    /// a private address and name none at all, so "connected, but no address" is how double NAT
    /// shows there.
    #[must_use]
    pub fn warning(&self, connection: Connection) -> Option<String> {
        let address = self
            .address
            .map_or_else(|| "none".to_owned(), |address| address.to_string());
        let warning = match self.kind {
            AddressKind::Public => return None,
            AddressKind::Private => format!(
                "The router's own Internet address, {address}, is a private one: there is a second \
                 router in front of it (double NAT), and nobody outside can get through. Forward \
                 the ports in that second router too, or switch it to bridge mode."
            ),
            AddressKind::CarrierGrade => format!(
                "The router's Internet address, {address}, is shared with other customers of your \
                 provider (carrier-grade NAT), and nobody outside can get through. Ask the \
                 provider for a public IPv4 address."
            ),
            AddressKind::Loopback => format!(
                "The router's Internet address, {address}, exists only inside this computer: this \
                 is a simulated router."
            ),
            AddressKind::LinkLocal => format!(
                "The router has only given itself an address, {address}: it got none from the \
                 provider. Check its Internet line."
            ),
            AddressKind::Documentation => format!(
                "The router's Internet address, {address}, is one of those kept for examples and \
                 laboratories: nobody on the Internet can reach it."
            ),
            AddressKind::Unusable => format!(
                "The router's Internet address, {address}, cannot be anybody's address. Check its \
                 settings."
            ),
            AddressKind::Unreadable => {
                "The router does not tell its Internet address, so links for visitors from outside \
                 cannot carry it. Ports are mapped all the same: set router.external_host to the \
                 name or address that visitors use."
                    .to_owned()
            }
            AddressKind::Missing => match connection {
                Connection::Up => {
                    "The router says that it is connected, but has no public Internet address: \
                     most likely there is a second router in front of it (double NAT), or the \
                     provider shares one address among its customers (carrier-grade NAT). Forward \
                     the ports in the second router too, switch that one to bridge mode, or ask \
                     the provider for a public IPv4 address."
                        .to_owned()
                }
                Connection::Down | Connection::Unknown => {
                    "The router has no Internet address: its Internet line seems to be down."
                        .to_owned()
                }
            },
        };
        Some(warning)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind_of(text: &str) -> AddressKind {
        ExternalAddress::from(text.parse().ok()).kind
    }

    #[test]
    fn each_range_is_told_apart_up_to_its_edges() {
        for (text, expected) in [
            ("60.120.76.64", AddressKind::Public),
            ("10.0.0.1", AddressKind::Private),
            ("172.16.0.1", AddressKind::Private),
            ("172.32.0.1", AddressKind::Public),
            ("192.168.1.1", AddressKind::Private),
            ("100.63.255.255", AddressKind::Public),
            ("100.64.0.0", AddressKind::CarrierGrade),
            ("100.127.255.255", AddressKind::CarrierGrade),
            ("100.128.0.0", AddressKind::Public),
            ("192.0.0.2", AddressKind::CarrierGrade),
            ("127.0.0.1", AddressKind::Loopback),
            ("169.254.1.1", AddressKind::LinkLocal),
            ("203.0.113.9", AddressKind::Documentation),
            ("198.18.0.1", AddressKind::Documentation),
            ("224.0.0.1", AddressKind::Unusable),
            ("255.255.255.255", AddressKind::Unusable),
            ("0.0.0.0", AddressKind::Missing),
            ("", AddressKind::Missing),
        ] {
            assert_eq!(kind_of(text), expected, "{text}");
        }
    }

    #[test]
    fn double_nat_and_carrier_grade_nat_are_named_in_words() {
        let warning = |text: &str| ExternalAddress::from(text.parse().ok()).warning(Connection::Up);
        assert!(warning("192.168.1.7").unwrap().contains("double NAT"));
        assert!(warning("100.64.3.4").unwrap().contains("provider"));
        assert_eq!(warning("60.120.76.64"), None);
        // A router that is connected and names no address hides a private one.
        assert!(warning("").unwrap().contains("double NAT"));
        let down = ExternalAddress::from(None)
            .warning(Connection::Down)
            .unwrap();
        assert!(down.contains("line seems to be down"));
        // What is not known is not guessed, whatever the line does.
        let unknown = ExternalAddress::UNREADABLE.warning(Connection::Up).unwrap();
        assert!(unknown.starts_with("The router does not tell"), "{unknown}");
    }

    proptest! {
        #[test]
        fn only_public_addresses_go_without_a_warning(bits in any::<u32>()) {
            let external = ExternalAddress::from(Some(Ipv4Addr::from(bits)));
            let quiet = external.warning(Connection::Up).is_none();
            prop_assert_eq!(external.kind == AddressKind::Public, quiet);
        }
    }
}

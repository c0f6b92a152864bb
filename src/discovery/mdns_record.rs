//! [`advertised_server`]: what another server's entry says, as far as it is believed.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use super::{TxtKey, label};
use crate::fleet::{AdvertisedServer, Scheme};
use crate::lan::interface::LanAddress;
use porthole_types::{ExternalPort, InstanceId};
use porthole_types::{MAX_NAME, is_unseen};

/// An entry of `_porthole._tcp` with its records.
pub struct Resolved<'a, T> {
    /// Its full name, with type and domain.
    pub fullname: &'a str,
    /// The web server's port.
    pub port: u16,
    /// The addresses of its host.
    pub addresses: &'a [Ipv4Addr],
    /// Gives the value of a key of its TXT record.
    pub txt: T,
}

/// The identity in an entry's first label; none where the label is not a server's.
pub fn id_of(fullname: &str) -> Option<InstanceId> {
    let first = fullname.split('.').next()?;
    let id = first.rsplit('-').next()?.parse().ok()?;
    (first.to_lowercase() == label(id)).then_some(id)
}

/// The server behind an entry; none where it is no entry of a server on this LAN. Values of the TXT
/// record that make no sense are left out.
pub fn advertised_server<'t, T>(
    resolved: &Resolved<'_, T>,
    lan: &LanAddress,
    at: Instant,
) -> Option<AdvertisedServer>
where
    T: Fn(&'static str) -> Option<&'t str>,
{
    let id = id_of(resolved.fullname)?;
    let value = |key: TxtKey| (resolved.txt)(key.as_str());
    // Entries can name any address: those of another network are somebody else's.
    let mut here = resolved
        .addresses
        .iter()
        .filter(|ip| lan.contains(**ip) && is_host(**ip));
    let address = here.next().filter(|_| resolved.port != 0)?;
    Some(AdvertisedServer {
        id,
        name: value(TxtKey::Name).and_then(cleaned),
        lan: SocketAddrV4::new(*address, resolved.port),
        scheme: match value(TxtKey::Scheme) {
            Some("https") => Scheme::Https,
            _ => Scheme::Http,
        },
        external: value(TxtKey::External)
            .and_then(|port| port.parse().ok())
            .and_then(ExternalPort::new),
        at,
    })
}

fn is_host(ip: Ipv4Addr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast()
}

/// At most 64 characters, none of which ends a line or changes the direction of the text.
fn cleaned(name: &str) -> Option<String> {
    let seen: String = name
        .chars()
        .filter(|c| !is_unseen(*c))
        .take(MAX_NAME)
        .collect();
    let name = seen.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fullname;
    use super::*;

    const ID: InstanceId = InstanceId(0xabcd);
    const THERE: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 12);

    fn lan() -> LanAddress {
        LanAddress {
            name: "eth0".to_owned(),
            address: Ipv4Addr::new(192, 168, 0, 11),
            prefix_len: 24,
            default_gateway: None,
        }
    }

    fn seen(addresses: &[Ipv4Addr], txt: &[(&'static str, &str)]) -> Option<AdvertisedServer> {
        let resolved = Resolved {
            fullname: &fullname(ID),
            port: 8080,
            addresses,
            txt: |key| txt.iter().find(|(k, _)| *k == key).map(|(_, value)| *value),
        };
        advertised_server(&resolved, &lan(), Instant::now())
    }

    #[test]
    fn what_one_announces_another_reads() {
        let txt = [
            ("name", "Küche"),
            ("scheme", "https"),
            ("external", "8081"),
            ("new", "?"),
        ];
        let there = seen(&[THERE], &txt).unwrap();
        assert_eq!((there.id, there.name.as_deref()), (ID, Some("Küche")));
        assert_eq!(there.lan, SocketAddrV4::new(THERE, 8080));
        assert_eq!(there.scheme, Scheme::Https);
        assert_eq!(there.external, ExternalPort::new(8081));
    }

    #[test]
    fn only_an_address_on_the_lan_is_believed() {
        let elsewhere = Ipv4Addr::new(10, 0, 0, 5);
        assert_eq!(seen(&[elsewhere, THERE], &[]).unwrap().lan.ip(), &THERE);
        assert_eq!(seen(&[elsewhere], &[]), None);
        assert_eq!(seen(&[], &[]), None);
    }

    #[test]
    fn texts_are_cleaned_and_nonsense_is_left_out() {
        let name = format!("a\u{1b}[31m\u{202e}{}", "b".repeat(100));
        let there = seen(
            &[THERE],
            &[("name", &name), ("external", "0"), ("scheme", "gopher")],
        );
        let there = there.unwrap();
        assert_eq!(there.name, Some(format!("a[31m{}", "b".repeat(59))));
        assert_eq!((there.external, there.scheme), (None, Scheme::Http));
        for nothing in ["", " ", "\u{7}"] {
            assert_eq!(seen(&[THERE], &[("name", nothing)]).unwrap().name, None);
        }
    }

    #[test]
    fn an_entry_is_whose_its_name_says() {
        assert_eq!(id_of(&fullname(ID)), Some(ID));
        assert_eq!(id_of(&fullname(ID).to_uppercase()), Some(ID));
        for other in [
            "",
            ".",
            "porthole-abcd._porthole._tcp.local.",
            "x-000000000000abcd.",
            "Barn",
        ] {
            assert_eq!(id_of(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_entry_makes_it_panic(
            fullname in ".{0,80}",
            value in ".{0,300}",
            port in any::<u16>(),
        ) {
            let resolved = Resolved {
                fullname: &fullname,
                port,
                addresses: &[THERE],
                txt: |_| Some(value.as_str()),
            };
            let _ = advertised_server(&resolved, &lan(), Instant::now());
            let own = Resolved { fullname: &super::super::fullname(ID), ..resolved };
            let there = advertised_server(&own, &lan(), Instant::now());
            let longest = there.and_then(|there| there.name).map_or(0, |name| name.chars().count());
            prop_assert!(longest <= MAX_NAME);
        }
    }
}

//! The address of the client behind a request, also where reverse proxies stand between.
//!
//! A header can say anything; a TCP connection only comes from where its answers arrive. So
//! `X-Forwarded-For` is believed only where the connection comes from a proxy that the settings
//! name (`http.trusted_proxies`), and of what it says only as much as trusted proxies have written:
//! each appends the address that *it* was asked from, so the client is the rightmost address that
//! is no trusted proxy. What stands left of that was sent by the client.
//!
//! To everybody else such a header can only take away: a request that carries one was passed on, so
//! the connection's address is a proxy's, and that it is on the LAN says nothing about who asks.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, web};
use ipnet::IpNet;
use tracing::warn;

use super::App;

/// What proxies append the address to that they were asked from. No standard has it.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What tells that a request was passed on, to whoever does not believe what it says. `Forwarded`
/// is RFC 7239.
const PASSED_ON: [&str; 3] = [FORWARDED_FOR, "forwarded", "x-real-ip"];

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's address; the proxy's where it is not known for whom that asks. An IPv4 address
    /// that is written as an IPv6 one is given as IPv4.
    pub address: IpAddr,
    /// How that is known.
    pub evidence: AddressEvidence,
}

/// What an [`Origin`]'s address rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressEvidence {
    /// The client's own connection.
    Connection,
    /// The word of a trusted proxy.
    TrustedProxy,
    /// None: somebody else asks through the machine with this address.
    Unknown,
}

/// The address of the client that sends this request, for whatever is counted, bound or logged by
/// address.
pub fn client_address(request: &HttpRequest) -> IpAddr {
    origin(request).address
}

/// Where this request comes from.
pub fn origin(request: &HttpRequest) -> Origin {
    Origin::of(peer(request), request.headers(), trusted_proxies(request))
}

/// The proxy that says that it passes this request on, where what it says for whom does not count.
/// The log names it, once.
pub fn unknown_proxy(request: &HttpRequest) -> Option<IpAddr> {
    let origin = origin(request);
    let unknown = origin.evidence == AddressEvidence::Unknown && was_passed_on(request.headers());
    unknown.then(|| {
        tell_once(origin.address);
        origin.address
    })
}

/// The value of this header, where the connection comes from a trusted proxy that sends one value
/// of it.
pub fn told_by_proxy<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let proxies = trusted_proxies(request);
    if !is_trusted(peer(request), proxies) {
        return None;
    }
    let mut values = request.headers().get_all(name);
    let value = values.next().filter(|_| values.next().is_none())?;
    Some(value.to_str().ok()?.trim())
}

/// The other end of the connection. Without an address (a test of a handler alone) nothing says
/// that it is on the LAN.
fn peer(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn trusted_proxies(request: &HttpRequest) -> &[IpNet] {
    let app = request.app_data::<web::Data<App>>();
    app.map_or(&[], |app| &app.shared.settings.http.trusted_proxies)
}

fn was_passed_on(headers: &HeaderMap) -> bool {
    PASSED_ON.iter().any(|name| headers.contains_key(*name))
}

/// Whether this is the address of a proxy that is believed.
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Says once what is missing when requests are passed on by a machine that the settings do not
/// name: its clients share one address, and one budget of wrong passwords.
fn tell_once(address: IpAddr) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::Relaxed) {
        warn!(
            from = %address,
            "a request was passed on by a proxy, and for whom is not known; if it is your own, \
             name it in http.trusted_proxies and have it send X-Forwarded-For"
        );
    }
}

impl Origin {
    /// Of a request with these headers that comes through a connection from `peer`.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        if !is_trusted(peer, trusted) {
            let evidence = if was_passed_on(headers) {
                AddressEvidence::Unknown
            } else {
                AddressEvidence::Connection
            };
            return Self {
                address: peer,
                evidence,
            };
        }
        // Several fields count as one list (RFC 9110 §5.3).
        let fields: Vec<_> = headers.get_all(FORWARDED_FOR).collect();
        let mut nearest = peer;
        for field in fields.into_iter().rev() {
            let Ok(list) = field.to_str() else { break };
            for item in list.rsplit(',') {
                // What cannot be read hides who stands left of it.
                let Some(address) = address(item) else {
                    return Self::unknown(nearest);
                };
                if !is_trusted(address, trusted) {
                    return Self {
                        address,
                        evidence: AddressEvidence::TrustedProxy,
                    };
                }
                nearest = address;
            }
        }
        Self::unknown(nearest)
    }

    /// Of somebody behind this machine.
    fn unknown(address: IpAddr) -> Self {
        Self {
            address,
            evidence: AddressEvidence::Unknown,
        }
    }
}

/// An address of the list; some proxies write the port as well: `192.0.2.1:4711`, `[2001:db8::1]`,
/// `[2001:db8::1]:4711`.
fn address(item: &str) -> Option<IpAddr> {
    let item = item.trim();
    let bare = match item.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => match item.split_once(':') {
            Some((address, port)) if !port.contains(':') => address,
            _ => item,
        },
    };
    bare.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const PROXY: &str = "192.168.77.5";

    fn of(peer: &str, headers: &[(&str, &str)]) -> (String, AddressEvidence) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let trusted = ["192.168.77.5/32", "10.1.0.0/16", "fd00::/8"];
        let trusted = trusted.map(|network| network.parse().unwrap());
        let origin = Origin::of(peer.parse().unwrap(), &map, &trusted);
        (origin.address.to_string(), origin.evidence)
    }

    fn told(peer: &str, list: &[&str]) -> (String, AddressEvidence) {
        let headers: Vec<_> = list.iter().map(|value| (FORWARDED_FOR, *value)).collect();
        of(peer, &headers)
    }

    #[test]
    fn the_client_is_the_rightmost_address_that_is_no_trusted_proxy() {
        for (list, client) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            (&["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
            (
                &["192.168.77.20", "203.0.113.9", "10.1.2.3,fd00::1"],
                "203.0.113.9",
            ),
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["nonsense, 203.0.113.9"], "203.0.113.9"),
        ] {
            let expected = (client.to_owned(), AddressEvidence::TrustedProxy);
            assert_eq!(told(PROXY, list), expected, "{list:?}");
        }
    }

    #[test]
    fn a_stranger_says_nothing_about_its_own_address() {
        let own = ("203.0.113.9".to_owned(), AddressEvidence::Unknown);
        assert_eq!(told("203.0.113.9", &["192.168.77.20"]), own);
        assert_eq!(told("203.0.113.9", &["192.168.77.5"]), own);
        let none = told("192.168.77.20", &[]);
        assert_eq!(none.1, AddressEvidence::Connection);
    }

    #[test]
    fn a_proxy_that_does_not_say_for_whom_it_asks_asks_for_somebody_unknown() {
        for list in [
            &[][..],
            &["nonsense"],
            &["203.0.113.9, nonsense"],
            &["10.1.2.3"],
            &[""],
        ] {
            assert_eq!(told(PROXY, list).1, AddressEvidence::Unknown, "{list:?}");
        }
        // One that the settings do not name.
        for name in PASSED_ON {
            let (address, evidence) = of("192.168.77.6", &[(name, "192.168.77.20")]);
            assert_eq!(
                (&*address, evidence),
                ("192.168.77.6", AddressEvidence::Unknown)
            );
        }
    }
}

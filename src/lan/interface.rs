//! Which of the machine's addresses is "the LAN": the one that the router is asked to forward to,
//! and where the other servers are. Until there is one, nothing can be asked of the router (¶41),
//! so callers look again now and then; [`NoAddress`] says in words what is missing.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;

/// Routes are read from here: a file costs less than a netlink library, and Linux is what V4L2
/// needs anyway.
const ROUTES: &str = "/proc/net/route";
/// Thousands of routes; the default ones are among the first.
const ROUTES_LIMIT: u64 = 256 * 1024;

/// This server's address on the LAN, with its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanAddress {
    /// The name of the interface, for example `eth0`.
    pub name: String,
    /// This server's own address.
    pub address: Ipv4Addr,
    /// Length of the network's prefix in bits, 0 to 32.
    pub prefix_len: u8,
    /// The router, as far as the default route tells.
    pub default_gateway: Option<Ipv4Addr>,
}

impl LanAddress {
    /// Whether `ip` is in the same network, as a client on the LAN is.
    #[must_use]
    pub fn contains(&self, ip: Ipv4Addr) -> bool {
        same_network(self.address, ip, self.prefix_len)
    }
}

/// There is no LAN address now; there may be one later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NoAddress {
    /// What is missing, and what there is instead.
    pub why: String,
}

/// Looks at the machine's interfaces: the LAN address is `bind` where that is a specific address;
/// else the first of `interface` where that is named; else that of the default route with the
/// lowest metric; else the first private one, of a network card before one of software.
///
/// # Errors
/// When no address fits, with the addresses there are.
pub fn find(interface: Option<&str>, bind: Ipv4Addr) -> Result<LanAddress, NoAddress> {
    let addresses = if_addrs::get_if_addrs()
        .map_err(|error| NoAddress {
            why: format!("cannot read the interfaces: {error}"),
        })?
        .into_iter()
        .filter_map(|found| match found.addr {
            if_addrs::IfAddr::V4(v4) => Some(Address {
                hardware: hardware(&found.name),
                name: found.name,
                ip: v4.ip,
                prefix_len: v4.prefixlen,
            }),
            if_addrs::IfAddr::V6(_) => None,
        })
        .collect::<Vec<_>>();
    choose(&addresses, &default_routes(), interface, bind)
}

/// The gateway of the default route over `interface` with the lowest metric.
#[must_use]
pub fn default_gateway(interface: &str) -> Option<Ipv4Addr> {
    gateway_over(interface, &default_routes())
}

/// One IPv4 address of the machine.
#[derive(Clone, Debug)]
struct Address {
    name: String,
    ip: Ipv4Addr,
    prefix_len: u8,
    hardware: Hardware,
}

/// What stands behind an interface; the likelier LAN comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hardware {
    /// A network card.
    Card,
    /// Software: a virtual LAN or a bond, which may well be the LAN, or something unknown.
    Software,
    /// What containers, virtual machines and tunnels make for themselves.
    Internal,
}

/// The beginnings of names that are given to bridges of containers and virtual machines, and to
/// tunnels.
const INTERNAL: [&str; 14] = [
    "docker", "br-", "virbr", "vnet", "veth", "cni", "flannel", "cali", "podman", "lxc", "lxd",
    "tun", "tap", "wg",
];

/// What the kernel says of an interface: a card is a device of some bus.
fn hardware(name: &str) -> Hardware {
    let device = Path::new("/sys/class/net").join(name).join("device");
    hardware_of(name, device.exists())
}

fn hardware_of(name: &str, has_device: bool) -> Hardware {
    if has_device {
        Hardware::Card
    } else if INTERNAL.iter().any(|internal| name.starts_with(internal)) {
        Hardware::Internal
    } else {
        Hardware::Software
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.ip, self.name)
    }
}

/// One line of the routing table that leads everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DefaultRoute {
    interface: String,
    /// None on a point-to-point link.
    gateway: Option<Ipv4Addr>,
    metric: u32,
}

fn choose(
    addresses: &[Address],
    routes: &[DefaultRoute],
    interface: Option<&str>,
    bind: Ipv4Addr,
) -> Result<LanAddress, NoAddress> {
    let on = |name: &str| {
        addresses
            .iter()
            .find(|a| a.name == name && !a.ip.is_link_local())
    };
    let chosen = if !bind.is_unspecified() {
        let of_bind = addresses
            .iter()
            .find(|a| a.ip == bind)
            // The kernel answers on all of 127.0.0.0/8, though only 127.0.0.1 is listed.
            .or_else(|| {
                addresses
                    .iter()
                    .find(|a| a.ip.is_loopback() && bind.is_loopback())
            })
            .ok_or_else(|| missing(addresses, &format!("this machine has no address {bind}")))?;
        if interface.is_some_and(|name| name != of_bind.name) {
            let name = interface.unwrap_or_default();
            return Err(missing(
                addresses,
                &format!("{name} does not have the address {bind}"),
            ));
        }
        Address {
            ip: bind,
            ..of_bind.clone()
        }
    } else if let Some(name) = interface {
        on(name)
            .ok_or_else(|| missing(addresses, &format!("{name} has no IPv4 address")))?
            .clone()
    } else {
        routes
            .iter()
            .find_map(|route| on(&route.interface))
            .or_else(|| {
                let private = addresses.iter().filter(|a| a.ip.is_private());
                private.min_by_key(|a| a.hardware)
            })
            .ok_or_else(|| missing(addresses, "no interface has a LAN address"))?
            .clone()
    };
    Ok(LanAddress {
        default_gateway: gateway_over(&chosen.name, routes),
        name: chosen.name,
        address: chosen.ip,
        prefix_len: chosen.prefix_len,
    })
}

fn missing(addresses: &[Address], what: &str) -> NoAddress {
    let there: Vec<_> = addresses.iter().take(16).map(ToString::to_string).collect();
    let there = if there.is_empty() {
        "none at all".to_owned()
    } else {
        there.join(", ")
    };
    NoAddress {
        why: format!("{what} (addresses of this machine: {there})"),
    }
}

fn gateway_over(interface: &str, routes: &[DefaultRoute]) -> Option<Ipv4Addr> {
    routes
        .iter()
        .filter(|route| route.interface == interface)
        .find_map(|route| route.gateway)
}

fn same_network(a: Ipv4Addr, b: Ipv4Addr, prefix_len: u8) -> bool {
    // A shift by all 32 bits is no shift in Rust: an empty prefix holds everything.
    let mask = u32::MAX
        .checked_shl(32 - u32::from(prefix_len.min(32)))
        .unwrap_or(0);
    u32::from(a) & mask == u32::from(b) & mask
}

fn default_routes() -> Vec<DefaultRoute> {
    let mut table = String::new();
    match File::open(ROUTES).and_then(|file| file.take(ROUTES_LIMIT).read_to_string(&mut table)) {
        Ok(_) => parse_routes(&table),
        Err(error) => {
            tracing::debug!(%error, "cannot read {ROUTES}: no default route known");
            Vec::new()
        }
    }
}

/// The default routes in a table as `/proc/net/route` has it, the lowest metric first.
fn parse_routes(table: &str) -> Vec<DefaultRoute> {
    let mut routes: Vec<_> = table.lines().filter_map(parse_default).collect();
    routes.sort_by_key(|route| route.metric);
    routes
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT`; nothing where the line
/// is no usable default route. Addresses are the network-order bytes read as one native integer.
fn parse_default(line: &str) -> Option<DefaultRoute> {
    const RTF_UP: u32 = 1;
    const RTF_REJECT: u32 = 0x200;

    let fields: Vec<_> = line.split_whitespace().collect();
    let hex = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
    let flags = hex(3)?;
    if hex(1)? != 0 || hex(7)? != 0 || flags & RTF_UP == 0 || flags & RTF_REJECT != 0 {
        return None;
    }
    let gateway = Ipv4Addr::from(hex(2)?.to_ne_bytes());
    Some(DefaultRoute {
        interface: (*fields.first()?).to_owned(),
        gateway: (!gateway.is_unspecified()).then_some(gateway),
        metric: fields.get(6)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t014DA8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t900\t00000000\t0\t0\t0
eth1\t00000000\t0102A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0
*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0
eth0\t004DA8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
";

    fn address(name: &str, ip: [u8; 4], prefix_len: u8) -> Address {
        Address {
            name: name.to_owned(),
            ip: ip.into(),
            prefix_len,
            hardware: hardware_of(name, name.starts_with("eth") || name.starts_with("wlan")),
        }
    }

    fn machine() -> Vec<Address> {
        vec![
            address("lo", [127, 0, 0, 1], 8),
            address("docker0", [172, 17, 0, 1], 16),
            address("eth0", [169, 254, 3, 4], 16),
            address("eth0", [192, 168, 77, 11], 24),
            address("wlan0", [192, 168, 1, 5], 24),
        ]
    }

    fn pick(interface: Option<&str>, bind: [u8; 4]) -> Result<LanAddress, NoAddress> {
        choose(&machine(), &parse_routes(TABLE), interface, bind.into())
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_default_routes_come_out_of_the_kernels_table_by_metric() {
        let route = |interface: &str, gateway: Option<[u8; 4]>, metric| DefaultRoute {
            interface: interface.to_owned(),
            gateway: gateway.map(Ipv4Addr::from),
            metric,
        };
        assert_eq!(
            parse_routes(TABLE),
            [
                route("eth0", Some([192, 168, 77, 1]), 100),
                route("wlan0", Some([192, 168, 1, 1]), 600),
                route("ppp0", None, 900),
            ]
        );
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_lan_is_where_the_default_route_leads() {
        let lan = pick(None, [0, 0, 0, 0]).unwrap();
        assert_eq!(
            (lan.name.as_str(), lan.address),
            ("eth0", [192, 168, 77, 11].into())
        );
        assert_eq!(lan.default_gateway, Some([192, 168, 77, 1].into()));
        assert!(lan.contains([192, 168, 77, 200].into()));
        assert!(!lan.contains([192, 168, 78, 1].into()));
    }

    #[test]
    fn a_named_interface_wins_over_the_default_route() {
        assert_eq!(
            pick(Some("wlan0"), [0, 0, 0, 0]).unwrap().address.octets(),
            [192, 168, 1, 5]
        );
        let why = pick(Some("eth7"), [0, 0, 0, 0]).unwrap_err().why;
        assert!(
            why.starts_with("eth7 has no IPv4 address") && why.contains("5 on wlan0"),
            "{why}"
        );
    }

    #[test]
    fn a_specific_bind_address_is_the_lan_address() {
        let lan = pick(None, [172, 17, 0, 1]).unwrap();
        assert_eq!(
            (lan.name.as_str(), lan.prefix_len, lan.default_gateway),
            ("docker0", 16, None)
        );
        let why = pick(None, [10, 0, 0, 1]).unwrap_err().why;
        assert!(
            why.starts_with("this machine has no address 10.0.0.1"),
            "{why}"
        );
        let why = pick(Some("eth0"), [172, 17, 0, 1]).unwrap_err().why;
        assert!(
            why.starts_with("eth0 does not have the address 172.17.0.1"),
            "{why}"
        );
    }

    #[test]
    fn without_a_default_route_a_network_cards_first_private_address_serves() {
        let named = |addresses: &[Address]| {
            let chosen = choose(addresses, &[], None, Ipv4Addr::UNSPECIFIED).unwrap();
            (chosen.name, chosen.default_gateway)
        };
        let docker = address("docker0", [172, 17, 0, 1], 16);
        let bridge = address("br0", [10, 0, 0, 1], 8);
        let card = address("eth0", [192, 168, 77, 11], 24);
        assert_eq!(named(&machine()), ("eth0".to_owned(), None));
        // A bridge that somebody named is likelier than one that Docker made for itself.
        let all = [docker, bridge, card];
        assert_eq!(named(&all), ("eth0".to_owned(), None));
        assert_eq!(named(&all[..2]), ("br0".to_owned(), None));
        assert_eq!(named(&all[..1]), ("docker0".to_owned(), None));
    }

    #[test]
    fn what_containers_virtual_machines_and_tunnels_make_comes_last() {
        for (name, has_device, expected) in [
            ("enp3s0", true, Hardware::Card),
            // Whatever its name: a card is one.
            ("tun-card", true, Hardware::Card),
            ("bond0", false, Hardware::Software),
            ("eth0.7", false, Hardware::Software),
            ("docker0", false, Hardware::Internal),
            ("br-5d2c01", false, Hardware::Internal),
            ("virbr0", false, Hardware::Internal),
            ("veth12ab", false, Hardware::Internal),
            ("cni0", false, Hardware::Internal),
            ("podman1", false, Hardware::Internal),
            ("lxcbr0", false, Hardware::Internal),
            ("tun0", false, Hardware::Internal),
            ("tap0", false, Hardware::Internal),
            ("wg0", false, Hardware::Internal),
        ] {
            assert_eq!(hardware_of(name, has_device), expected, "{name}");
        }
    }

    #[test]
    fn a_machine_without_a_lan_says_what_it_has() {
        let bare = [address("lo", [127, 0, 0, 1], 8)];
        let why = choose(&bare, &[], None, Ipv4Addr::UNSPECIFIED)
            .unwrap_err()
            .why;
        assert_eq!(
            why,
            "no interface has a LAN address (addresses of this machine: 127.0.0.1 on lo)"
        );
        let why = choose(&[], &[], None, Ipv4Addr::UNSPECIFIED)
            .unwrap_err()
            .why;
        assert!(why.contains("none at all"), "{why}");
    }

    #[test]
    fn prefixes_of_every_length_are_compared_right() {
        let (a, b) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        assert!(same_network(a, b, 30) && !same_network(a, b, 31) && !same_network(a, b, 32));
        assert!(same_network(a, a, 32) && same_network(a, Ipv4Addr::BROADCAST, 0));
    }

    #[test]
    fn any_loopback_address_is_found_on_the_real_loopback_interface() {
        let lan = find(None, Ipv4Addr::new(127, 0, 0, 11)).unwrap();
        assert_eq!(lan.address, Ipv4Addr::new(127, 0, 0, 11));
        assert_eq!((lan.name.as_str(), lan.prefix_len), ("lo", 8));
        assert_eq!(default_gateway("lo"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_routing_table_brings_the_reader_down(
            table in "([a-z0-9]{1,4}[\t ](0{8}|[0-9A-F]{1,9})[\t ]){0,8}\\PC{0,20}",
        ) {
            parse_routes(&table);
        }
    }
}

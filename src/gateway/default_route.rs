//! The default gateway of an interface, from the kernel's IPv4 routing table (`/proc/net/route`, see proc(5)).

use std::io;
use std::net::Ipv4Addr;

/// `RTF_UP` and `RTF_GATEWAY` of route(8): the route is usable and leads through a router.
const UP_AND_GATEWAY: u32 = 0x3;

/// The address of the default gateway behind this interface, the one with the lowest metric where there are several.
///
/// # Errors
/// When the routing table cannot be read.
pub fn default_gateway(interface: &str) -> io::Result<Option<Ipv4Addr>> {
    Ok(parse(
        &std::fs::read_to_string("/proc/net/route")?,
        interface,
    ))
}

fn parse(table: &str, interface: &str) -> Option<Ipv4Addr> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let &[name, destination, gateway, flags, _, _, metric, mask, ..] = &fields[..] else {
                return None;
            };
            let flags = u32::from_str_radix(flags, 16).ok()?;
            let default = name == interface
                && address(destination)?.is_unspecified()
                && address(mask)?.is_unspecified()
                && flags & UP_AND_GATEWAY == UP_AND_GATEWAY;
            default.then_some((metric.parse::<u32>().ok()?, address(gateway)?))
        })
        .min_by_key(|&(metric, _)| metric)
        .map(|(_, gateway)| gateway)
}

/// The kernel prints the address's four bytes as one number of this machine's own byte order.
fn address(hexadecimal: &str) -> Option<Ipv4Addr> {
    u32::from_str_radix(hexadecimal, 16)
        .ok()
        .map(|number| Ipv4Addr::from(number.to_ne_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn line(
        interface: &str,
        destination: [u8; 4],
        gateway: [u8; 4],
        flags: u8,
        metric: u32,
    ) -> String {
        let hex = |bytes| format!("{:08X}", u32::from_ne_bytes(bytes));
        let mask = if destination == [0; 4] {
            [0; 4]
        } else {
            [255, 255, 255, 0]
        };
        format!(
            "{interface}\t{}\t{}\t{flags:04X}\t0\t0\t{metric}\t{}\t0\t0\t0\n",
            hex(destination),
            hex(gateway),
            hex(mask)
        )
    }

    #[test]
    fn the_default_route_with_the_lowest_metric_wins() {
        let table = HEAD.to_owned()
            + &line("eth0", [0; 4], [192, 168, 77, 2], 3, 200)
            + &line("eth0", [0; 4], [192, 168, 77, 1], 3, 100)
            + &line("wlan0", [0; 4], [10, 0, 0, 1], 3, 50)
            + &line("eth0", [192, 168, 77, 0], [0; 4], 1, 100);
        assert_eq!(parse(&table, "eth0"), Some([192, 168, 77, 1].into()));
        assert_eq!(parse(&table, "wlan0"), Some([10, 0, 0, 1].into()));
        assert_eq!(parse(&table, "lo"), None);
    }

    #[test]
    fn a_route_that_is_down_or_has_no_gateway_is_none() {
        let table = HEAD.to_owned()
            + &line("eth0", [0; 4], [192, 168, 77, 1], 2, 0)
            + &line("eth0", [0; 4], [0; 4], 1, 0);
        assert_eq!(parse(&table, "eth0"), None);
    }

    #[test]
    fn nonsense_is_none() {
        assert_eq!(parse("", "eth0"), None);
        assert_eq!(parse("a\nb c d\neth0 x y z 0 0 0 q\n", "eth0"), None);
    }

    #[test]
    fn this_machines_table_can_be_read() {
        assert_eq!(default_gateway("no such interface").unwrap(), None);
    }
}

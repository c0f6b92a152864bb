//! "server N" (¶53), the name of a server that was given none.

use std::net::SocketAddrV4;

use super::MappedServer;
use porthole_types::ExternalPort;

/// The name of the server at `me` whose first port is `port`: "server 1" at the representative
/// port, "server 2" at the first of the range, and so on (Fig. 6, Fig. 8); the next number that
/// nobody else in the table goes by.
pub fn default_name(
    port: ExternalPort,
    first_of_range: ExternalPort,
    representative: ExternalPort,
    table: &[MappedServer],
    me: SocketAddrV4,
) -> String {
    let start = if port == representative {
        1
    } else {
        u32::from(port.get().saturating_sub(first_of_range.get())) + 2
    };
    let is_taken = |name: &str| {
        table
            .iter()
            .any(|entry| entry.lan != me && entry.name == name)
    };
    // One of so many numbers is free: each entry takes one at the most.
    let entries = u32::try_from(table.len()).unwrap_or(u32::MAX);
    (start..=start.saturating_add(entries))
        .map(|number| format!("server {number}"))
        .find(|name| !is_taken(name))
        .unwrap_or_else(|| "server".to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn port(number: u16) -> ExternalPort {
        ExternalPort::new(number).unwrap()
    }

    fn lan(host: u8) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, host), 80)
    }

    fn name(number: u16, table: &[MappedServer]) -> String {
        default_name(port(number), port(8081), port(8080), table, lan(9))
    }

    #[test]
    fn names_follow_the_ports_as_in_the_seed() {
        assert_eq!(name(8080, &[]), "server 1");
        assert_eq!(name(8081, &[]), "server 2");
        assert_eq!(name(8082, &[]), "server 3");
    }

    #[test]
    fn a_name_in_use_is_not_given_twice() {
        let entry = |host, number, name: &str| MappedServer {
            external: port(number),
            lan: lan(host),
            name: name.into(),
        };
        // After a rotation "server 2" holds 8080, and 8081 is free for a newcomer.
        let table = [entry(2, 8080, "server 2"), entry(3, 8082, "server 3")];
        assert_eq!(name(8081, &table), "server 4");
        // One's own entry is no obstacle.
        assert_eq!(name(8081, &[entry(9, 8081, "server 2")]), "server 2");
    }
}

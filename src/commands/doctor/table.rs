//! The router's table, and whether the servers in it are there.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::words::sentence;
use porthole_gateway::{Gateway, Lease, MappingEntry, Table, manual_deletion};

/// How long a server in the router's table may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Lists the mappings that are Porthole's, and which of them lead nowhere. Those keep no other
/// camera from being reached.
/// Returns what was read.
pub(super) async fn check(router: &dyn Gateway) -> Option<Table> {
    let table = match router.table().await {
        Ok(table) => table,
        Err(why) => {
            println!("Mappings on it: {}", sentence(&why));
            println!(
                "  Without the table the cameras find each other by their messages on the LAN."
            );
            return None;
        }
    };
    let ours = crate::fleet::mapped_servers(&table);
    println!(
        "Mappings on it: {}, {} of them Porthole's.",
        table.entries.len(),
        ours.len()
    );
    let answers = join_all(ours.iter().map(|entry| probe(entry.lan))).await;
    for (entry, answer) in ours.into_iter().zip(answers) {
        println!(
            "  {} leads to {} ({}){}",
            entry.external,
            entry.lan,
            entry.name,
            match answer {
                Reachability::Answers => "",
                Reachability::Silent => ", which does not answer",
            }
        );
        let row = table.entries.iter().find(|row| {
            row.external == entry.external && row.client_address() == Some(*entry.lan.ip())
        });
        if answer == Reachability::Silent
            && let Some(row) = row
        {
            println!("    {}", how_it_ends(row, router.identity().address));
        }
    }
    Some(table)
}

/// Whether a server answers where the table says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reachability {
    /// It accepts a connection.
    Answers,
    /// It does not.
    Silent,
}

/// Tries to connect.
pub(super) async fn probe(server: SocketAddrV4) -> Reachability {
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(server)).await {
        Ok(Ok(_)) => Reachability::Answers,
        Ok(Err(_)) | Err(_) => Reachability::Silent,
    }
}

/// How the mapping of a server that is gone ends.
fn how_it_ends(entry: &MappingEntry, router: Ipv4Addr) -> String {
    match entry.lease() {
        Some(Lease::Seconds(seconds)) => {
            format!("The router forgets it in {seconds} s, unless that camera comes back.")
        }
        Some(Lease::Permanent) | None => format!(
            "If no other camera takes the port, the router does not let them: {}",
            manual_deletion::instructions(entry.external, Some(router))
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use porthole_gateway::Protocol;
    use porthole_types::{ExternalPort, InternalPort};

    #[test]
    fn a_lease_is_waited_for_and_what_has_no_end_is_deleted_by_hand() {
        let entry = |lease| MappingEntry {
            external: ExternalPort::new(8080).unwrap(),
            protocol: Protocol::Tcp,
            client: "192.168.77.11".to_owned(),
            internal: InternalPort::new(8080),
            lease_seconds: Some(lease),
            enabled: true,
            description: "Porthole yard".to_owned(),
            remote_host: String::new(),
        };
        let router = Ipv4Addr::new(192, 168, 77, 1);
        assert!(how_it_ends(&entry(17), router).contains("in 17 s"));
        let manual_deletion = how_it_ends(&entry(0), router);
        assert!(
            manual_deletion.contains("port 8080")
                && manual_deletion.contains("http://192.168.77.1/"),
            "{manual_deletion}"
        );
    }
}

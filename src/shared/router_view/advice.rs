//! What the operator has to do when the router keeps the representative port for a camera that is
//! gone.

use super::RouterView;
use porthole_election::{ClaimStage, LeaderView, Successor};
use porthole_gateway::{Protocol, manual_deletion};
use porthole_types::ExternalPort;

impl RouterView {
    /// What the operator has to do on the router while there is a deputy (router class *stuck*):
    /// which entry to delete, where, and which camera answers for all meanwhile. Nothing while
    /// there is no deputy. The text quotes what the entry's owner wrote: escape it.
    pub fn advice(
        &self,
        representative_port: ExternalPort,
        leader_view: &LeaderView,
    ) -> Option<String> {
        let LeaderView::Vacant { successor, .. } = leader_view else {
            return None;
        };
        let (deputy, own_port) = match successor {
            Successor::Me(ClaimStage::Deputy { port }) => ("this camera".to_owned(), port),
            Successor::Other(peer, ClaimStage::Deputy { port }) => {
                (format!("the camera at {}", peer.address), port)
            }
            _ => return None,
        };
        let reach = own_port.map_or_else(
            || "for visitors on the LAN only".to_owned(),
            |port| format!("on port {port} of the router"),
        );
        let entry = self.table.as_ref().and_then(|read| {
            let entries = read.table.entries.iter();
            entries
                .filter(|entry| entry.protocol == Protocol::Tcp)
                .find(|entry| entry.external == representative_port)
        });
        let leads = entry.map_or_else(
            || {
                format!(
                    "Port {representative_port} of the router still leads to a camera that is gone."
                )
            },
            manual_deletion::blocking_mapping,
        );
        let router = self.found.as_ref().map(|found| found.identity.address);
        let remedy = manual_deletion::instructions(representative_port, router);
        Some(format!(
            "{leads} That camera does not answer, and the router lets no other delete the entry. \
             {remedy} Or start that camera again. Until then {deputy} answers for all, {reach}."
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Instant, SystemTime};

    use url::Url;

    use super::super::{RouterState, TableView};
    use super::*;
    use porthole_election::{Cause, Peer, Timestamp};
    use porthole_gateway::{
        DiscoveredRouter, Extent, Identity, MappingEntry, Protocol, Route, ServiceType, Table,
    };
    use porthole_types::{InstanceId, InternalPort};

    fn port(port: u16) -> ExternalPort {
        ExternalPort::new(port).unwrap()
    }

    fn view(table: Option<Table>) -> RouterView {
        RouterView {
            found: Some(DiscoveredRouter {
                identity: Identity {
                    name: "router".to_owned(),
                    address: "192.168.77.1".parse().unwrap(),
                    service: ServiceType::WanIp(1),
                    route: Route::Default,
                },
                control: Url::parse("http://192.168.77.1:5000/ctl").unwrap(),
                from: "192.168.77.12".parse().unwrap(),
            }),
            table: table.map(|table| TableView {
                table: Arc::new(table),
                read_at: Instant::now(),
                read_wall: SystemTime::now(),
            }),
            ..RouterView::new(RouterState::Found)
        }
    }

    fn table() -> Table {
        let entry = |protocol, client: &str| MappingEntry {
            external: port(8080),
            protocol,
            client: client.to_owned(),
            internal: InternalPort::new(8080),
            lease_seconds: Some(0),
            enabled: true,
            description: "Porthole Front door".to_owned(),
            remote_host: String::new(),
        };
        Table {
            entries: vec![
                entry(Protocol::Udp, "192.168.77.99"),
                entry(Protocol::Tcp, "192.168.77.11"),
            ],
            extent: Extent::Whole,
        }
    }

    fn vacant(successor: Successor) -> LeaderView {
        LeaderView::Vacant {
            cause: Cause::MissedHeartbeats,
            previous: None,
            successor,
        }
    }

    fn peer() -> Peer {
        Peer {
            id: InstanceId(7),
            address: "192.168.77.12".parse().unwrap(),
        }
    }

    #[test]
    fn the_deputy_says_which_entry_to_delete_and_where_and_that_it_stands_in() {
        let successor = Successor::Me(ClaimStage::Deputy {
            port: Some(port(8081)),
        });
        assert_eq!(
            view(Some(table()))
                .advice(port(8080), &vacant(successor))
                .unwrap(),
            "Port 8080 of the router still leads to 192.168.77.11 \
             (\u{201c}Porthole Front door\u{201d}). That camera does not answer, and the router \
             lets no other delete the entry. Delete the entry for port 8080 in the router's own \
             pages, most likely at http://192.168.77.1/. Or start that camera again. Until then \
             this camera answers for all, on port 8081 of the router."
        );
    }

    #[test]
    fn the_others_name_the_deputy_also_where_the_table_cannot_be_read() {
        let successor = Successor::Other(peer(), ClaimStage::Deputy { port: None });
        let advice = view(None).advice(port(8080), &vacant(successor)).unwrap();
        for words in [
            "leads to a camera that is gone",
            "http://192.168.77.1/",
            "the camera at 192.168.77.12 answers for all, for visitors on the LAN only",
        ] {
            assert!(advice.contains(words), "{advice}");
        }
    }

    #[test]
    fn nothing_is_asked_of_the_operator_while_no_deputy_is_needed() {
        let now = Timestamp(0);
        for leader_view in [
            LeaderView::Unknown,
            LeaderView::ThisServer {
                since: now,
                cause: Cause::Free,
            },
            vacant(Successor::None),
            vacant(Successor::Me(ClaimStage::Acquiring)),
            vacant(Successor::Other(peer(), ClaimStage::Claiming)),
        ] {
            let advice = view(Some(table())).advice(port(8080), &leader_view);
            assert_eq!(advice, None, "{leader_view:?}");
        }
    }
}

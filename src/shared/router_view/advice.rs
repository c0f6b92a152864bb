//! What the operator has to do when no camera can have the representative port: the router keeps it
//! for one that is gone, or for itself.

use std::time::Duration;

use super::RouterView;
use super::trait_words::RouterTrait;
use porthole_election::{ClaimStage, LeaderView, Rules, State, Successor};
use porthole_gateway::{DeleteRight, manual_deletion};
use porthole_types::ExternalPort;

impl RouterView {
    /// What the operator has to do while no camera can have the representative port for long: which
    /// entry to delete on the router and where, or that another port has to be the
    /// representative's; and which camera answers for all meanwhile. The text quotes what the
    /// entry's owner wrote: escape it.
    pub fn advice(&self, state: &State, rules: &Rules, leader_view: &LeaderView) -> Option<String> {
        let LeaderView::Vacant { successor, .. } = leader_view else {
            return None;
        };
        let (deputy, own_port) = match successor {
            Successor::Me(ClaimStage::Deputy { port }) => ("this camera".to_owned(), port),
            Successor::Other(peer, ClaimStage::Deputy { port }) => {
                (format!("the camera at {}", peer.address), port)
            }
            _ => return self.long_wait(state, rules),
        };
        let reach = own_port.map_or_else(
            || "for visitors on the LAN only".to_owned(),
            |port| format!("on port {port} of the router"),
        );
        let why = if self.keeps_representative_port(state, rules) {
            RouterTrait::reserved_representative_port(rules.representative_port).told()
        } else {
            self.blocked(rules.representative_port)
        };
        Some(format!(
            "{why} Until then {deputy} answers for all, {reach}."
        ))
    }

    /// Nobody stands in, because the mapping in the way has an end; but that is far away.
    fn long_wait(&self, state: &State, rules: &Rules) -> Option<String> {
        let port = rules.representative_port;
        let entry = self.table.as_ref()?.table.tcp(port)?;
        let left = Duration::from_secs(entry.lease_seconds?.into());
        let of_the_previous = entry.client_address() == state.vacancy?.address;
        let is_kept = self.lessons.delete_right() == DeleteRight::Refused;
        if left <= rules.representative_lease * 2 || !of_the_previous || !is_kept {
            return None;
        }
        let router = self.found.as_ref().map(|found| found.identity.address);
        Some(format!(
            "{} That camera does not answer, the router lets no other delete the entry, and \
             forgets it in {} min only. {} Or start that camera again. Until then no camera \
             answers for all.",
            manual_deletion::blocking_mapping(entry),
            left.as_secs().div_ceil(60),
            manual_deletion::instructions(port, router)
        ))
    }

    /// Somebody's mapping stands in the way.
    fn blocked(&self, port: ExternalPort) -> String {
        let router = self.found.as_ref().map(|found| found.identity.address);
        let remedy = manual_deletion::instructions(port, router);
        if self.lessons.showing().is_unreadable() {
            return format!(
                "Port {port} of the router is somebody's, and the router does not show whose: \
                 most likely that of a camera that is gone. {remedy} Or start that camera again."
            );
        }
        let read = self.table.as_ref();
        let leads = read.and_then(|read| read.table.tcp(port)).map_or_else(
            || format!("Port {port} of the router still leads to a camera that is gone."),
            manual_deletion::blocking_mapping,
        );
        format!(
            "{leads} That camera does not answer, and the router lets no other delete the entry. \
             {remedy} Or start that camera again."
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Instant, SystemTime};

    use url::Url;

    use super::super::tests::{grant, port, rules, state};
    use super::super::{RouterState, TableView};
    use super::*;
    use porthole_election::{Candidacy, Cause, ListTrust, Peer, StaleMapping, Timestamp, Vacancy};
    use porthole_gateway::{
        ClientForm, DiscoveredRouter, Extent, Identity, MappingEntry, Protocol, Route, ServiceType,
        Showing, Table,
    };
    use porthole_types::{InstanceId, InternalPort, Term};

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
                .advice(&state(), &rules(), &vacant(successor))
                .unwrap(),
            "Port 8080 of the router still leads to 192.168.77.11 (\u{201c}Porthole Front \
             door\u{201d}). That camera does not answer, and the router lets no other delete the \
             entry. Delete the entry for port 8080 in the router's own pages, most likely at \
             http://192.168.77.1/. Or start that camera again. Until then this camera answers for \
             all, on port 8081 of the router."
        );
    }

    #[test]
    fn the_others_name_the_deputy_also_where_the_table_cannot_be_read() {
        let successor = Successor::Other(peer(), ClaimStage::Deputy { port: None });
        let advice = view(None)
            .advice(&state(), &rules(), &vacant(successor))
            .unwrap();
        for words in [
            "leads to a camera that is gone",
            "http://192.168.77.1/",
            "the camera at 192.168.77.12 answers for all, for visitors on the LAN only",
        ] {
            assert!(advice.contains(words), "{advice}");
        }
    }

    #[test]
    fn a_port_that_the_whole_table_shows_free_is_the_routers_own() {
        let deputy = Successor::Me(ClaimStage::Deputy {
            port: Some(port(8081)),
        });
        let mut kept = state();
        kept.candidacy = Candidacy::Acquiring {
            round: 0,
            mapping: StaleMapping::Reserved,
            repeat_at: Timestamp(0),
        };
        let empty = view(Some(Table {
            entries: Vec::new(),
            extent: Extent::Whole,
        }));
        let told = empty.advice(&kept, &rules(), &vacant(deputy)).unwrap();
        assert_eq!(
            told,
            "The router keeps port 8080 for itself: it refuses that port to every camera although \
             nobody has it. One camera shows all cameras on its own port meanwhile. Set \
             router.representative_port to another port than 8080, the same on all cameras and \
             outside of router.port_range. Until then this camera answers for all, on port 8081 \
             of the router."
        );
        // The others know of it only that there is a deputy.
        let other = Successor::Other(peer(), ClaimStage::Deputy { port: None });
        let mut yielding = state();
        yielding.candidacy = Candidacy::Yielding {
            to: peer(),
            stage: ClaimStage::Deputy { port: None },
            until: Timestamp(0),
            round: 0,
        };
        let told = empty.advice(&yielding, &rules(), &vacant(other)).unwrap();
        assert!(told.contains("keeps port 8080 for itself"), "{told}");
        yielding.list = ListTrust::Incomplete;
        let told = empty.advice(&yielding, &rules(), &vacant(other)).unwrap();
        assert!(!told.contains("keeps port 8080 for itself"), "{told}");
    }

    #[test]
    fn an_entry_that_stays_for_an_hour_is_told_of_once_it_was_tried_to_be_deleted() {
        let leader_view = vacant(Successor::Me(ClaimStage::Acquiring));
        let with_lease = |seconds| {
            let mut table = table();
            for entry in &mut table.entries {
                entry.lease_seconds = Some(seconds);
            }
            view(Some(table))
        };
        let mut state = state();
        state.vacancy = Some(Vacancy {
            cause: Cause::MissedHeartbeats,
            previous: None,
            address: "192.168.77.11".parse().ok(),
            term: Term(1),
            since: Timestamp(0),
            silent_until: None,
            lapses_at: None,
        });
        let mut long = with_lease(3_541);
        assert_eq!(long.advice(&state, &rules(), &leader_view), None);
        long.lessons.delete_tried(DeleteRight::Refused);
        let told = long.advice(&state, &rules(), &leader_view).unwrap();
        for words in [
            "192.168.77.11",
            "in 60 min",
            "Delete the entry for port 8080",
        ] {
            assert!(told.contains(words), "{told}");
        }
        let mut short = with_lease(60);
        short.lessons.delete_tried(DeleteRight::Refused);
        assert_eq!(short.advice(&state, &rules(), &leader_view), None);
        // Another program has taken the port since.
        state.vacancy.as_mut().unwrap().address = "192.168.77.13".parse().ok();
        assert_eq!(long.advice(&state, &rules(), &leader_view), None);
    }

    #[test]
    fn on_a_router_that_cannot_be_read_nobody_says_whose_the_port_is() {
        let deputy = Successor::Me(ClaimStage::Deputy { port: None });
        let mut unreadable = view(Some(table()));
        let shown = Showing::Entry(ClientForm::Name);
        unreadable.lessons.granted(grant(0, shown));
        let told = unreadable
            .advice(&state(), &rules(), &vacant(deputy))
            .unwrap();
        assert!(told.contains("does not show whose"), "{told}");
        assert!(!told.contains("192.168.77.11"), "{told}");
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
            let advice = view(Some(table())).advice(&state(), &rules(), &leader_view);
            assert_eq!(advice, None, "{leader_view:?}");
        }
    }
}

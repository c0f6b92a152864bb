//! P1 and P2: no more mappings than a server needs, and none that it leaves behind.

use porthole_election::RouterStatus;
use porthole_types::ExternalPort;

use super::Invariants;
use crate::config::{Millis, leadership};
use crate::fake_router::FakeRouter;
use crate::server::Server;

/// Its own and the representative's.
const MOST: usize = 2;

impl Invariants {
    /// P1: at any moment the router has at most two mappings to a server. (One that has lost its
    /// file sees in the table what it had, and gives that back then.)
    pub(super) fn few_mappings(&mut self, now: Millis, servers: &[Server], router: &FakeRouter) {
        for (index, server) in servers.iter().enumerate() {
            let ports = router.mappings_of(server.address, now);
            let known = !self.records[index].lost_file;
            if ports.len() > MOST && known && !self.may_be_late(index) {
                let ports = numbers(&ports);
                self.breaks("P1", now, format!("s{index} has {ports} on the router"));
            }
        }
    }

    /// P2: a server that has left has nothing on the router, if it could ask.
    pub fn left(&mut self, now: Millis, index: usize, server: &Server, router: &FakeRouter) {
        let ports = router.mappings_of(server.address, now);
        let could = server.state.router == RouterStatus::Answers;
        let known = !self.records[index].lost_file;
        if could && known && !ports.is_empty() && !self.may_be_late(index) {
            let ports = numbers(&ports);
            self.breaks(
                "P2",
                now,
                format!("s{index} has left, and {ports} are still its own"),
            );
        }
    }

    /// P2: at the end each server has what it knows of, and nothing else.
    pub fn nothing_forgotten(&mut self, now: Millis, servers: &[Server], router: &FakeRouter) {
        for (index, server) in servers.iter().enumerate() {
            if !server.runs() || self.may_be_late(index) {
                continue;
            }
            let wanted = |port: &ExternalPort| {
                let held = server.state.own.is_some_and(|own| own.port == *port);
                let asked = server
                    .state
                    .pending
                    .is_some_and(|asked| asked.port() == *port);
                // After many refusals it waits for long before it asks again.
                let waits = server.clock.show(now) < server.state.own_after;
                let later = waits && server.state.ledger.has(*port);
                held || asked || later || *port == leadership()
            };
            let ports = router.mappings_of(server.address, now);
            let others: Vec<ExternalPort> =
                ports.into_iter().filter(|port| !wanted(port)).collect();
            let could = server.state.router == RouterStatus::Answers;
            // One that has lost its file sees them in the table only.
            let known = !self.records[index].lost_file;
            if could && known && !others.is_empty() {
                let others = numbers(&others);
                self.breaks("P2", now, format!("s{index} has forgotten {others}"));
            }
        }
    }

    /// Whether a write was carried out, or may be, after this server has given it up: what it has
    /// seen gone can be there again.
    fn may_be_late(&self, index: usize) -> bool {
        self.config.router.late_per_mille > 0 || self.records[index].mapped_unawaited
    }
}

fn numbers(ports: &[ExternalPort]) -> String {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    ports.join(", ")
}

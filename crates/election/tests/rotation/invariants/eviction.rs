//! E1 and F1: what must have come before another's mapping is deleted, and what becomes of the one
//! that had it.

use std::net::Ipv4Addr;

use porthole_types::ExternalPort;

use super::Invariants;
use super::record::Robbed;
use crate::config::{Millis, leadership};
use crate::fake_router::{Deleted, FOREIGN};
use crate::server::Server;

/// What was tried to get a sign of life from an address, since the last one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    pub(super) probes: u32,
    pub(super) claims_before: u32,
}

impl Invariants {
    /// A mapping was deleted by another, or by a request that its own server has given up waiting
    /// for.
    pub fn deleted(
        &mut self,
        now: Millis,
        by: usize,
        port: ExternalPort,
        deleted: Deleted,
        servers: &[Server],
    ) {
        if port != leadership() {
            return;
        }
        let owner = servers
            .iter()
            .position(|server| server.address == deleted.client);
        if owner != Some(by) {
            self.summary.evictions += 1;
        }
        if let Some(owner) = owner
            && servers[owner].runs()
        {
            if owner != by {
                self.summary.wrong_evictions += 1;
            }
            // Whether it believes already or is about to, by an answer that is under way.
            let it = &servers[owner];
            let parted = it.state.peers.get(&servers[by].id);
            self.records[owner].robbed = Some(Robbed {
                at: now,
                by: servers[by].id,
                warned: None,
                parted: parted.map(|peer| it.clock.time_of(peer.heard_at)),
            });
        }
    }

    /// F1: another program's mapping is left alone. (One that comes between reading and deleting is
    /// not told apart by any router.) E1: a takeover by deleting happens
    /// only after silence, an unanswered direct question and an unrefuted Claim.
    pub(super) fn may_evict(&mut self, now: Millis, server: usize, from: Ipv4Addr) {
        if from == FOREIGN {
            self.breaks(
                "F1",
                now,
                format!("s{server} deletes the mapping of another program"),
            );
        }
        let record = &self.records[server];
        let evidence = record.evidence.get(&from).copied().unwrap_or_default();
        let asked = evidence.probes > 0;
        let claimed = record.claims > evidence.claims_before;
        if !asked || !claimed {
            let what = format!(
                "s{server} deletes the mapping of {from} with {} questions and {} Claims since \
                 its last sign of life",
                evidence.probes,
                record.claims - evidence.claims_before,
            );
            self.breaks("E1", now, what);
        }
    }
}

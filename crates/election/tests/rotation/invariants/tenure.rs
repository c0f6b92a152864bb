//! S3, S4 and S5: leadership changes hands for a reason only, and its term tells one tenure from
//! the next.

use std::fmt;
use std::net::Ipv4Addr;

use porthole_election::{Event, LanMessaging, Memory, PriorEntry, State};
use porthole_sim_router::Shown;
use porthole_types::Term;

use super::Invariants;
use crate::config::{Millis, Profile, leadership};
use crate::server::Server;

/// Whether the router has had nothing but this leadership on the port since it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unbroken {
    Yes,
    No,
}

/// A leadership, as it came to a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenure {
    server: usize,
    term: Term,
}

impl Invariants {
    /// S4: each change of holder raises the term. S5: taking up again what was never lost keeps it.
    pub(super) fn leadership_begins(
        &mut self,
        now: Millis,
        server: usize,
        it: &Server,
        before: PriorEntry,
    ) {
        let term = it.state.term;
        let record = &self.records[server];
        if let Some(last) = self.last {
            let knew = record.heard >= last.term || self.undisturbed();
            if last.server != server && knew && term <= last.term {
                let what = format!(
                    "s{server} begins term {term} after s{} had term {}",
                    last.server, last.term
                );
                self.breaks("S4", now, what);
            }
        }
        let record = &self.records[server];
        if let (
            Some((old_term, Unbroken::Yes)),
            PriorEntry::Ours,
            Some((disk_term, Memory::WasRepresentative)),
        ) = (record.last, before, record.started_with)
            && disk_term == old_term
            && record.heard.max(record.told) <= old_term
            && term != old_term
            && self.shows_at_once()
        {
            let what = format!(
                "s{server} takes up its leadership of term {old_term} again with term {term}"
            );
            self.breaks("S5", now, what);
        }
        let record = &mut self.records[server];
        record.last = Some((term, Unbroken::Yes));
        record.started_with = None;
        if self.last.is_none_or(|last| last.server != server) {
            self.summary.changes += 1;
        }
        self.last = Some(Tenure { server, term });
    }

    /// Whether the first look says whose a port is: where it takes two, the second may get lost.
    fn shows_at_once(&self) -> bool {
        let router = &self.config.router;
        router.quirks.shown != Shown::ListOnly || router.lost_per_mille == 0
    }

    /// S5 asks for what can be known: whether the port was free when a request was carried out
    /// whose answer nobody waits for any more cannot.
    pub(super) fn note_forgotten(&mut self, server: usize, old: &State, event: &Event) {
        let forgets = matches!(
            event,
            Event::Awoke | Event::RouterFound | Event::RouterLost | Event::AddressChanged
        );
        let asked = old
            .pending
            .is_some_and(|asked| asked.port() == leadership());
        if forgets && asked {
            self.records[server].started_with = None;
        }
    }

    /// Whether everybody hears everybody in this seed, at all times.
    fn undisturbed(&self) -> bool {
        self.config.profile == Profile::Calm && self.config.lan == LanMessaging::Enabled
    }

    /// S3: where at most one burst shorter than a heartbeat was lost, nothing happens to the
    /// leadership.
    pub(super) fn calm_only(&mut self, now: Millis, what: fmt::Arguments<'_>) {
        if self.config.profile == Profile::Calm
            && self
                .settled_at
                .is_some_and(|at| now > at + 3 * self.config.heartbeat)
        {
            self.breaks("S3", now, what.to_string());
        }
    }

    /// Something happened that no server did.
    pub fn disturbed(&mut self) {
        self.holder = None;
    }

    /// The router has another on the port than before the event, or none.
    pub(super) fn holder_changes(
        &mut self,
        now: Millis,
        holder: Option<Ipv4Addr>,
        servers: &[Server],
    ) {
        if holder == self.holder {
            return;
        }
        for (index, server) in servers.iter().enumerate() {
            if holder != Some(server.address)
                && let Some((_, unbroken)) = &mut self.records[index].last
            {
                *unbroken = Unbroken::No;
            }
        }
        if let Some(before) = self.holder {
            self.calm_only(
                now,
                format_args!("leadership goes from {before} to {holder:?}"),
            );
        }
        if holder.is_some() {
            self.settled_at.get_or_insert(now);
        }
        self.holder = holder;
    }
}

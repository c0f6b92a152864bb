//! What is on record about each server: what the invariants compare its next step with, and how it
//! gets there.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use porthole_election::{ElectionMessage, Event, FormerRole, Memory, State};
use porthole_types::{InstanceId, Term};

use super::Invariants;
use super::eviction::Evidence;
use super::tenure::Unbroken;
use crate::config::{Millis, leadership};
use crate::server::Server;

/// A mapping that was deleted while its holder lived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Robbed {
    /// When.
    pub(super) at: Millis,
    /// By whom.
    pub(super) by: InstanceId,
    /// When its holder first heard since then that another leads.
    pub(super) warned: Option<Millis>,
    /// When its holder had last had a report of the one that deleted it,
    /// if that is missing still.
    pub(super) parted: Option<Millis>,
}

/// What the world remembers about one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) believed: bool,
    /// The router's epoch in which what it believes was read back.
    pub(super) epoch: Option<u32>,
    /// When its mapping was deleted by another while it held it.
    pub(super) robbed: Option<Robbed>,
    /// When an exchange of it with the router last went wrong.
    pub(super) trouble: Option<Millis>,
    /// That its state file was lost once.
    pub(super) lost_file: bool,
    /// A mapping was made by a request that it had given up.
    pub(super) mapped_unawaited: bool,
    /// The highest term of a leadership that it has heard of in this boot.
    pub(super) heard: Term,
    /// The highest term that anybody has reported to it in this boot.
    pub(super) told: Term,
    /// Its last leadership: the term, and whether the router has had nothing but that on the port
    /// since.
    pub(super) last: Option<(Term, Unbroken)>,
    pub(super) started_with: Option<(Term, Memory)>,
    /// Of each address: what was tried to get a sign of life, since the last one.
    pub(super) evidence: BTreeMap<Ipv4Addr, Evidence>,
    pub(super) claims: u32,
    /// Since when it has been a successor.
    pub(super) successor_since: Option<Millis>,
}

impl Record {
    /// Another leads in this term, or has led: what it had at its start has ended.
    fn another_leads(&mut self, term: Term) {
        self.started_with = self.started_with.filter(|(own, _)| term < *own);
    }
}

impl Invariants {
    /// A boot begins.
    pub fn started(&mut self, server: usize, it: &Server) {
        let record = &mut self.records[server];
        record.started_with = Some((it.disk.term, it.disk.memory));
        record.heard = it.disk.term;
        record.told = it.disk.term;
        record.robbed = None;
        record.evidence.clear();
        record.claims = 0;
        record.successor_since = None;
        record.epoch = Some(0);
    }

    /// A boot ends.
    pub fn ended(&mut self, server: usize) {
        self.records[server].believed = false;
        self.records[server].robbed = None;
        self.records[server].successor_since = None;
    }

    pub fn wiped(&mut self, server: usize) {
        self.records[server].lost_file = true;
        self.records[server].last = None;
    }

    /// A mapping was made for a server that waits for the answer no more, and may have looked
    /// before.
    pub fn mapped_unawaited(&mut self, server: usize) {
        self.records[server].mapped_unawaited = true;
    }

    pub fn moved(&mut self, server: usize) {
        self.records[server].last = None;
    }

    /// A datagram arrived.
    pub fn delivered(&mut self, to: usize, speaker: &Server, event: &Event) {
        let record = &mut self.records[to];
        if let Event::Reported { term, .. } = event {
            record.told = record.told.max(*term);
        }
        if let Event::Heard { message, .. } = event
            && let ElectionMessage::Withdrawal {
                term,
                former_role: FormerRole::Representative,
                ..
            } = message
        {
            record.another_leads(*term);
        }
        let holds = speaker.runs() && speaker.state.leadership.is_some();
        if let Event::Heard { from, message } = event
            && let ElectionMessage::Inquiry { term, .. } | ElectionMessage::ProbeReply { term } =
                message
        {
            record.another_leads(*term);
            record.heard = record.heard.max(*term);
            // The echo of a leadership that its holder has left meanwhile is no sign of life.
            if holds {
                let claims_before = record.claims;
                let evidence = Evidence {
                    probes: 0,
                    claims_before,
                };
                record.evidence.insert(from.address, evidence);
            }
        }
    }

    /// The router has answered a request.
    pub fn answered(
        &mut self,
        now: Millis,
        server: usize,
        event: &Event,
        epoch: u32,
        done_at: Millis,
    ) {
        let record = &mut self.records[server];
        match event {
            Event::Secured { port, .. } if *port == leadership() => {
                record.epoch = Some(epoch);
                if record.robbed.is_some_and(|robbed| done_at > robbed.at) {
                    record.robbed = None;
                }
            }
            Event::Failed(request) => {
                record.trouble = Some(now);
                if request.port() == leadership() {
                    // S5 asks for what can be known: whether the port was free meanwhile cannot.
                    record.started_with = None;
                }
            }
            _ => {}
        }
    }

    /// A call to the router is lost, or late, or its reply is.
    pub fn exchange_goes_wrong(&mut self, now: Millis, server: usize) {
        self.records[server].trouble = Some(now);
    }

    /// A holder hears that another leads, or is about to; or again of whom it would have missed.
    pub(super) fn note_warning(&mut self, now: Millis, server: usize, old: &State, event: &Event) {
        let Some(robbed) = &mut self.records[server].robbed else {
            return;
        };
        let warns = match event {
            Event::Heard { message, .. } => matches!(
                message,
                ElectionMessage::Inquiry { .. } | ElectionMessage::Claim { .. }
            ),
            Event::Reported { from, term, .. } => {
                if from.id == robbed.by {
                    robbed.parted = None;
                }
                *term > old.term
            }
            _ => false,
        };
        if warns {
            robbed.warned.get_or_insert(now);
        }
    }
}

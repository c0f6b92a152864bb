//! The way to the router and back: calls and replies that take time and get lost, and what a server
//! notices of its going and coming.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use porthole_election::{Event, Evidence, SurveyExtent};

use super::World;
use super::agenda::{Item, Ticket};
use crate::client::{Hand, Next};
use crate::config::Millis;
use crate::fake_router::{Call, Reply, happens};

impl World {
    /// A call leaves for the router.
    pub(super) fn call(&mut self, server: usize, call: Call, ticket: Ticket) {
        self.call_after(0, server, call, ticket);
    }

    /// The same, after so long.
    pub(super) fn call_after(&mut self, wait: Millis, server: usize, call: Call, ticket: Ticket) {
        let from = self.servers[server].address;
        let time_out = Item::Reply {
            server,
            reply: None,
            epoch: self.fake_router.epoch,
            done_at: self.now,
            ticket,
        };
        self.after(wait + self.config.time_out, time_out);
        let habits = &self.fake_router.habits;
        if self.wire.off_router[server] || happens(&mut self.rng, habits.lost_per_mille / 2) {
            self.checks.exchange_goes_wrong(self.now, server);
            return;
        }
        let mut takes = wait + self.rng.u64(0..=habits.slowest);
        if !matches!(call, Call::Read(_) | Call::List)
            && happens(&mut self.rng, habits.late_per_mille)
        {
            takes += self.rng.u64(0..self.config.time_out * 2);
            self.checks.exchange_goes_wrong(self.now, server);
        }
        if std::mem::take(&mut self.late_router[server]) {
            takes += 1_000; // the first segment is sent again after a second
        }
        let item = Item::Call {
            server,
            from,
            call,
            ticket,
        };
        self.after(takes, item);
    }

    /// It is carried out, if the router can be reached.
    pub(super) fn reaches_router(
        &mut self,
        server: usize,
        from: Ipv4Addr,
        call: Call,
        ticket: Ticket,
    ) {
        if !self.fake_router.up || self.wire.off_router[server] {
            self.checks.exchange_goes_wrong(self.now, server);
            return;
        }
        let (reply, deleted) = self.fake_router.call(from, call, self.now, &mut self.rng);
        self.trace.note(self.now, (server, call), || {
            format!("   router: s{server} {call:?} -> {reply:?}")
        });
        let waited_for = ticket.job == self.servers[server].job.map(|job| (job.id, job.calls))
            && ticket.boot == self.servers[server].boot;
        if !waited_for && matches!(call, Call::Add(..)) && reply == Reply::Done {
            self.checks.mapped_unawaited(server);
        }
        if let (Some(deleted), Call::Delete(port)) = (deleted, call)
            && (deleted.client != self.servers[server].address || !waited_for)
        {
            self.checks
                .deleted(self.now, server, port, deleted, &self.servers);
        }
        if happens(&mut self.rng, self.fake_router.habits.lost_per_mille / 2) {
            self.checks.exchange_goes_wrong(self.now, server);
            return;
        }
        let takes = self.rng.u64(0..=self.fake_router.habits.slowest);
        let item = Item::Reply {
            server,
            reply: Some(reply),
            epoch: self.fake_router.epoch,
            done_at: self.now,
            ticket,
        };
        self.after(takes, item);
    }

    /// A reply, or the time-out, goes on with what waits for it.
    pub(super) fn replied(
        &mut self,
        server: usize,
        reply: Option<&Reply>,
        epoch: u32,
        done_at: Millis,
        ticket: Ticket,
    ) {
        let it = &mut self.servers[server];
        let Some((job_id, calls)) = ticket.job else {
            if let Some(Reply::Table(table)) = reply {
                let me = it.address;
                it.learned.read_table(table.len());
                let holders: BTreeMap<_, _> = table
                    .iter()
                    .map(|(port, row)| (*port, row.ownership(me)))
                    .collect();
                let event = Event::Surveyed {
                    holders,
                    seen: SurveyExtent::Whole,
                };
                self.tell(server, &event);
            }
            return;
        };
        let Some(job) = it.job.as_mut() else { return };
        if job.id != job_id || job.calls != calls {
            return;
        }
        if job.is_writing() {
            it.written_in = (epoch, done_at);
        }
        let shown = it.clock.show(self.now);
        let mut hand = Hand {
            me: it.address,
            now: shown,
            learned: &mut it.learned,
            mutant: self.mutant,
        };
        let next = job.go_on(reply, &mut hand);
        match next {
            Next::Call(call) => {
                let ticket = Ticket {
                    boot: it.boot,
                    job: Some((job_id, job.calls)),
                };
                self.call(server, call, ticket);
            }
            Next::Answer(event) => {
                it.job = None;
                // What rests on the router's yes was true when it said so.
                let (epoch, done_at) = match event {
                    Event::Secured {
                        evidence: Evidence::Answer,
                        ..
                    } => it.written_in,
                    _ => (epoch, done_at),
                };
                self.checks
                    .answered(self.now, server, &event, epoch, done_at);
                self.tell(server, &event);
            }
        }
    }

    /// The search for a router succeeds, or is repeated.
    pub(super) fn router_found(&mut self, server: usize) {
        if !self.wire.off_router[server] && self.fake_router.up {
            self.servers[server].knows_router = true;
            self.tell(server, &Event::RouterFound);
        } else {
            let boot = self.servers[server].boot;
            self.after(1_000, Item::RouterFound { server, boot });
        }
    }

    /// The server notices that the router is gone, if it still is.
    pub(super) fn router_lost(&mut self, server: usize) {
        if (self.wire.off_router[server] || !self.fake_router.up)
            && self.servers[server].knows_router
        {
            self.servers[server].knows_router = false;
            self.servers[server].job = None;
            self.tell(server, &Event::RouterLost);
            let boot = self.servers[server].boot;
            self.after(1_000, Item::RouterFound { server, boot });
        }
    }

    /// It loses its power and its table; most servers notice.
    pub(super) fn reboot(&mut self, span: Millis) {
        if !self.fake_router.up {
            return;
        }
        self.fake_router.lose_power();
        self.after(span, Item::RouterUp);
        for server in 0..self.servers.len() {
            if self.rng.u8(0..10) < 7 {
                let boot = self.servers[server].boot;
                let noticed = self.rng.u64(0..5_000);
                self.after(noticed, Item::RouterLost { server, boot });
            }
        }
    }

    pub(super) fn router_up(&mut self) {
        self.fake_router.up = true;
        for server in 0..self.servers.len() {
            let boot = self.servers[server].boot;
            if self.servers[server].runs() {
                let takes = self.rng.u64(100..4_000);
                self.after(takes, Item::RouterFound { server, boot });
            }
        }
    }

    /// A program that is none of ours maps the representative port, if it is free.
    pub(super) fn foreigner_maps(&mut self, span: Millis) {
        if self.fake_router.up && self.fake_router.holder(self.now).is_none() {
            self.fake_router.map_for_foreigner();
            self.after(span, Item::ForeignerGone);
        }
    }

    pub(super) fn foreigner_gone(&mut self) {
        if self.fake_router.unmap_foreigner(self.now) {
            self.checks.disturbed();
        }
    }
}

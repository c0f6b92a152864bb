//! The next thing of the agenda happens: to whom it belongs, and whether that one still lives and
//! moves.

use porthole_election::{Destination, Event};

use super::World;
use super::agenda::{Item, Ticket};
use crate::fake_router::Call;

impl World {
    /// Whether it is still the same boot; a frozen one gets what came when it thaws.
    fn if_current(&mut self, server: usize, boot: u32, item: Item) -> Option<Item> {
        let it = &self.servers[server];
        if !it.runs() || it.boot != boot {
            return None;
        }
        if it.frozen_until > self.now {
            let at = it.frozen_until;
            self.at(at, item);
            return None;
        }
        Some(item)
    }

    pub(super) fn happen(&mut self, item: Item) {
        let guarded = match &item {
            Item::Wake { server, boot }
            | Item::SayAgain { server, boot, .. }
            | Item::Report { server, boot }
            | Item::Poll { server, boot }
            | Item::RouterFound { server, boot }
            | Item::RouterLost { server, boot } => Some((*server, *boot)),
            Item::Deliver { to, .. } => Some((*to, self.servers[*to].boot)),
            Item::Reply { server, ticket, .. } => Some((*server, ticket.boot)),
            _ => None,
        };
        let item = match guarded {
            Some((server, boot)) => match self.if_current(server, boot, item) {
                Some(item) => item,
                None => return,
            },
            None => item,
        };
        match item {
            Item::Start(server) => self.start(server),
            Item::Wake { server, .. } => {
                if self.servers[server].wake.is_some_and(|at| at <= self.now) {
                    self.servers[server].wake = None;
                    self.tell(server, &Event::Tick);
                }
            }
            Item::SayAgain {
                server, message, ..
            } => self.datagrams(server, Destination::Everybody, message),
            Item::Report { server, boot } => {
                self.report(server);
                self.after(self.config.heartbeat, Item::Report { server, boot });
            }
            Item::Deliver { to, event, from } => {
                self.checks.delivered(to, &self.servers[from], &event);
                self.tell(to, &event);
            }
            Item::Poll { server, boot } => {
                if let Some(every) = self.config.poll {
                    self.after(every, Item::Poll { server, boot });
                }
                if self.servers[server].knows_router {
                    self.call(server, Call::List, Ticket { boot, job: None });
                }
            }
            Item::Call {
                server,
                from,
                call,
                ticket,
            } => self.reaches_router(server, from, call, ticket),
            Item::Reply {
                server,
                reply,
                epoch,
                done_at,
                ticket,
            } => self.replied(server, reply.as_ref(), epoch, done_at, ticket),
            Item::Stored { server, boot, disk } => {
                let it = &mut self.servers[server];
                if it.boot == boot && it.runs() {
                    it.disk = disk;
                }
            }
            Item::RouterFound { server, .. } => self.router_found(server),
            Item::RouterLost { server, .. } => self.router_lost(server),
            Item::RouterUp => self.router_up(),
            Item::ForeignerGone => self.foreigner_gone(),
            Item::BurstOver(a, b) => self.burst_over(a, b),
            Item::Fault(fault) => {
                self.trace.note(self.now, 1_u8, || format!("-- {fault:?}"));
                self.fault(fault);
            }
            Item::Calm => self.calm(),
            Item::End => {
                self.checks
                    .nothing_forgotten(self.now, &self.servers, &self.fake_router);
                self.ended = true;
            }
        }
    }

    /// The last fault is over.
    fn calm(&mut self) {
        self.trace.note(self.now, 2_u8, || {
            "-- from now on nothing goes wrong".into()
        });
        self.wire.heal();
        self.wire.weather.loss_per_mille = 0;
        self.wire.weather.slow_per_mille = 0;
        self.fake_router.habits.lies_per_mille = 0;
        self.fake_router.habits.busy_per_mille = 0;
        self.fake_router.habits.lost_per_mille = 0;
        self.fake_router.habits.late_per_mille = 0;
        self.fake_router.habits.slowest = self.config.calm_slowest();
        self.checks.calm(self.now);
    }
}

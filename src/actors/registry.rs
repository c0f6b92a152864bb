//! `RegistryActor`: the peer map (seed 14c).
//!
//! Owns what each source says of the other servers. Restarts with nothing. Loses nothing that
//! lasts: the fleet as last merged stays on the pages, and the reports come again with the next
//! heartbeat.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio_stream::wrappers::WatchStream;

use super::crash::crashes_on_demand;
use crate::fleet::{Fleet, Known, MOST_PEERS, Sources, mapped, merge};
use crate::messages::election::NoteReport;
use crate::messages::registry::{RecordMdns, RecordReport, RemoveCamera, RemoveMdns};
use crate::shared::{Publisher, RouterView, SharedState};
use porthole_election::Peer;
use porthole_supervise::{Fixed, UntilRestart, supervised};

/// What comes within this time after a merge is merged together: after an Inquiry hundreds answer,
/// and people see no difference.
const TOGETHER: Duration = Duration::from_millis(75);

/// The longest time between two merges: ages pass, and this server's own state changes, without any
/// message about it.
const AT_LEAST: Duration = Duration::from_millis(500);

/// Merges what the sources say into the fleet, and publishes that.
pub struct RegistryActor {
    wired: Fixed<Wired>,
    volatile: UntilRestart<Volatile>,
}

struct Wired {
    shared: Arc<SharedState>,
    fleet: Publisher<Arc<Fleet>>,
    election: Recipient<NoteReport>,
}

#[derive(Default)]
struct Volatile {
    known: Known,
    merged_at: Option<Instant>,
    /// The merge that is to come.
    due: Option<SpawnHandle>,
}

impl RegistryActor {
    /// An actor that has yet to hear of anybody.
    pub fn new(
        shared: Arc<SharedState>,
        fleet: Publisher<Arc<Fleet>>,
        election: Recipient<NoteReport>,
    ) -> Self {
        Self {
            wired: Fixed::new(Wired {
                shared,
                fleet,
                election,
            }),
            volatile: UntilRestart::default(),
        }
    }

    /// A source has said something new: merges at once, or together with what else comes.
    fn changed(&mut self, ctx: &mut Context<Self>) {
        if self.volatile.due.is_some() {
            return;
        }
        let since = self
            .volatile
            .merged_at
            .map_or(Duration::MAX, |at| at.elapsed());
        match TOGETHER.checked_sub(since) {
            None | Some(Duration::ZERO) => self.publish(),
            Some(wait) => {
                let due = ctx.run_later(wait, |actor, _| {
                    actor.volatile.due = None;
                    actor.publish();
                });
                self.volatile.due = Some(due);
            }
        }
    }

    fn publish(&mut self) {
        let now = Instant::now();
        self.volatile.merged_at = Some(now);
        let Some(me) = self.wired.shared.myself() else {
            return;
        };
        let heartbeat = self.wired.shared.settings.lan.heartbeat;
        self.volatile.known.sweep(heartbeat, now);
        let sources = Sources {
            me: &me,
            known: &self.volatile.known,
            representative_port: self.wired.shared.settings.router.representative_port,
            heartbeat,
            lan: self.wired.shared.role.rules().lan,
        };
        let fleet = merge(&sources, now);
        let others = i64::try_from(fleet.others().count()).unwrap_or(i64::MAX);
        self.wired.shared.metrics.peers.set(others);
        // Readers that wait for a change are not woken by ages.
        let news = !fleet.looks_like(&self.wired.fleet.borrow());
        self.wired.fleet.replace(Arc::new(fleet), news);
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // After an Inquiry all answer within a moment.
        ctx.set_mailbox_capacity(MOST_PEERS);
        ctx.add_stream(WatchStream::new(self.wired.shared.router.subscribe()));
        ctx.run_interval(AT_LEAST, Self::changed);
    }
}

supervised!(RegistryActor { wired, volatile });

impl StreamHandler<RouterView> for RegistryActor {
    fn handle(&mut self, view: RouterView, ctx: &mut Self::Context) {
        let read = view
            .table
            .filter(|_| self.wired.shared.settings.router.read_table);
        let table = read.map(|view| (mapped(&view.table), view.read_at));
        self.volatile.known.read(table);
        self.changed(ctx);
    }
}

impl Handler<RecordReport> for RegistryActor {
    type Result = ();

    fn handle(&mut self, RecordReport(heard): RecordReport, ctx: &mut Self::Context) {
        // Terms are heard again with the next report: a full mailbox costs nothing.
        let _ = self.wired.election.try_send(NoteReport {
            from: Peer {
                id: heard.id,
                address: heard.from,
            },
            external: heard.report.external,
            term: heard.report.term,
        });
        self.volatile.known.hear(heard);
        self.changed(ctx);
    }
}

impl Handler<RemoveCamera> for RegistryActor {
    type Result = ();

    fn handle(&mut self, RemoveCamera(id): RemoveCamera, ctx: &mut Self::Context) {
        self.volatile.known.forget(id, Instant::now());
        self.changed(ctx);
    }
}

impl Handler<RecordMdns> for RegistryActor {
    type Result = ();

    fn handle(&mut self, RecordMdns(entry): RecordMdns, ctx: &mut Self::Context) {
        self.volatile.known.advertise(entry);
        self.changed(ctx);
    }
}

impl Handler<RemoveMdns> for RegistryActor {
    type Result = ();

    fn handle(&mut self, RemoveMdns(id): RemoveMdns, ctx: &mut Self::Context) {
        self.volatile.known.unadvertise(id);
        self.changed(ctx);
    }
}

crashes_on_demand!(RegistryActor);

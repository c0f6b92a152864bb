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
use super::election::{self, ElectionActor};
use crate::fleet::{
    AdvertisedServer, MAX_PEERS, MergeInput, Observations, ReceivedReport, mapped_servers, merge,
};
use crate::shared::{RouterView, SharedState};
use porthole_election::{Event, Peer};
use porthole_types::InstanceId;

/// What comes within this time after a merge is merged together: after an Inquiry hundreds answer,
/// and people see no difference.
const TOGETHER: Duration = Duration::from_millis(75);

/// Ages pass and this server's own standing changes without anybody saying so.
const AT_LEAST: Duration = Duration::from_millis(500);

/// Another server has reported itself.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Hear(pub ReceivedReport);

/// This server has said that it leaves: it is not waited for.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Forget(pub InstanceId);

/// Another server's entry in mDNS was seen, or has changed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Advertise(pub AdvertisedServer);

/// This server's entry is in mDNS no more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unadvertise(pub InstanceId);

/// Who is told of what others say: of their terms here, of the office in the lan actor.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Introduce(pub Addr<ElectionActor>);

/// See the module.
pub struct RegistryActor {
    shared: Arc<SharedState>,
    /// Given once; it lasts, since the election's address does.
    election: Option<Addr<ElectionActor>>,
    life: Life,
}

#[derive(Default)]
struct Life {
    observations: Observations,
    merged_at: Option<Instant>,
    /// The merge that is to come.
    due: Option<SpawnHandle>,
}

impl RegistryActor {
    /// An actor that has yet to hear of anybody.
    pub fn new(shared: Arc<SharedState>) -> Self {
        Self {
            shared,
            election: None,
            life: Life::default(),
        }
    }

    /// Something is known that was not: merges at once, or together with what else comes.
    fn changed(&mut self, ctx: &mut Context<Self>) {
        if self.life.due.is_some() {
            return;
        }
        let since = self.life.merged_at.map_or(Duration::MAX, |at| at.elapsed());
        match TOGETHER.checked_sub(since) {
            None | Some(Duration::ZERO) => self.publish(),
            Some(wait) => {
                let due = ctx.run_later(wait, |actor, _| {
                    actor.life.due = None;
                    actor.publish();
                });
                self.life.due = Some(due);
            }
        }
    }

    fn publish(&mut self) {
        let now = Instant::now();
        self.life.merged_at = Some(now);
        let Some(me) = self.shared.myself() else {
            return;
        };
        let heartbeat = self.shared.settings.lan.heartbeat;
        self.life.observations.sweep(heartbeat, now);
        let input = MergeInput {
            me: &me,
            observations: &self.life.observations,
            representative_port: self.shared.settings.router.representative_port,
            heartbeat,
            lan: self.shared.role.rules().lan,
        };
        let fleet = merge(&input, now);
        let others = i64::try_from(fleet.others().count()).unwrap_or(i64::MAX);
        self.shared.metrics.peers.set(others);
        // Who waits for a change is not woken by ages.
        self.shared.fleet.send_if_modified(|shown| {
            let news = !fleet.looks_like(shown);
            *shown = Arc::new(fleet);
            news
        });
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // After an Inquiry all answer within a moment.
        ctx.set_mailbox_capacity(MAX_PEERS);
        ctx.add_stream(WatchStream::new(self.shared.router.subscribe()));
        ctx.run_interval(AT_LEAST, Self::changed);
    }
}

impl Supervised for RegistryActor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.life = Life::default();
    }
}

impl StreamHandler<RouterView> for RegistryActor {
    fn handle(&mut self, view: RouterView, ctx: &mut Self::Context) {
        let read = view
            .table
            .filter(|_| self.shared.settings.router.read_table);
        let table = read.map(|view| (mapped_servers(&view.table), view.read_at));
        self.life.observations.set_table(table);
        self.changed(ctx);
    }
}

impl Handler<Hear> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Hear(heard): Hear, ctx: &mut Self::Context) {
        if let Some(election) = &self.election {
            // Terms are heard again with the next report: a full mailbox costs nothing.
            let _ = election.try_send(election::Hear(Event::Reported {
                from: Peer {
                    id: heard.id,
                    address: heard.from,
                },
                external: heard.report.external,
                term: heard.report.term,
            }));
        }
        self.life.observations.add_report(heard);
        self.changed(ctx);
    }
}

impl Handler<Forget> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Forget(id): Forget, ctx: &mut Self::Context) {
        self.life.observations.remove_reports(id, Instant::now());
        self.changed(ctx);
    }
}

impl Handler<Advertise> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Advertise(entry): Advertise, ctx: &mut Self::Context) {
        self.life.observations.add_advertised(entry);
        self.changed(ctx);
    }
}

impl Handler<Unadvertise> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Unadvertise(id): Unadvertise, ctx: &mut Self::Context) {
        self.life.observations.remove_advertised(id);
        self.changed(ctx);
    }
}

impl Handler<Introduce> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Introduce(election): Introduce, _: &mut Self::Context) {
        self.election = Some(election);
    }
}

crashes_on_demand!(RegistryActor);

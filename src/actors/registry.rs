//! `RegistryActor`: the peer map (seed 14c).
//!
//! Owns the last report of each other server. Restarts with none. Loses nothing that lasts: the
//! fleet as last merged stays on the pages, and the reports come again with the next heartbeat.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio_stream::wrappers::WatchStream;

use super::crash::crashes_on_demand;
use super::election::{self, ElectionActor};
use crate::bounded::forget_oldest;
use crate::cells::{Cells, RouterView};
use crate::election::{Event, Peer};
use crate::fleet::{Heard, Mapped, Sources, mapped, merge};
use crate::ids::InstanceId;

/// Servers whose reports are kept. Beyond it the oldest goes: a flood of made-up ones costs only itself.
const MOST_PEERS: usize = 512;

/// A report vouches for its sender for this many heartbeats.
const FRESH_HEARTBEATS: u32 = 4;

/// Another server has reported itself.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Hear(pub Heard);

/// This server has said that it leaves: it is not waited for.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Forget(pub InstanceId);

/// Who is told of what others say: of their terms here, of the office in the lan actor.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Introduce(pub Addr<ElectionActor>);

/// See the module.
pub struct RegistryActor {
    cells: Arc<Cells>,
    /// Given once; it lasts, since the election's address does.
    election: Option<Addr<ElectionActor>>,
    life: Life,
}

#[derive(Default)]
struct Life {
    heard: BTreeMap<InstanceId, Heard>,
    table: Option<(Vec<Mapped>, Instant)>,
}

impl RegistryActor {
    /// An actor that has yet to hear of anybody.
    pub fn new(cells: Arc<Cells>) -> Self {
        Self {
            cells,
            election: None,
            life: Life::default(),
        }
    }

    fn fresh_for(&self) -> Duration {
        self.cells.settings.lan.heartbeat * FRESH_HEARTBEATS
    }

    fn publish(&mut self) {
        let now = Instant::now();
        let Some(me) = self.cells.myself() else {
            return;
        };
        // Forgotten much later than it stops vouching, so that a name does not flicker.
        let keep = self.fresh_for() * 4;
        self.life
            .heard
            .retain(|_, heard| now.saturating_duration_since(heard.at) < keep);
        let read_table = self.cells.settings.router.read_table;
        let table = self.life.table.as_ref().filter(|_| read_table);
        let sources = Sources {
            me: &me,
            table: table.map(|(entries, read_at)| (entries.as_slice(), *read_at)),
            heard: &self.life.heard,
            representative_port: self.cells.settings.router.representative_port,
            fresh_for: self.fresh_for(),
        };
        let fleet = merge(&sources, now);
        self.cells
            .metrics
            .peers
            .set(i64::try_from(fleet.others().count()).unwrap_or(i64::MAX));
        self.cells.fleet.send_replace(Arc::new(fleet));
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // After an Inquiry all answer within a moment.
        ctx.set_mailbox_capacity(MOST_PEERS);
        ctx.add_stream(WatchStream::new(self.cells.router.subscribe()));
        // Ages pass and this server's own standing changes without anybody saying so.
        ctx.run_interval(Duration::from_millis(500), |actor, _| actor.publish());
    }
}

impl Supervised for RegistryActor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.life = Life::default();
    }
}

impl StreamHandler<RouterView> for RegistryActor {
    fn handle(&mut self, view: RouterView, _: &mut Self::Context) {
        self.life.table = view.table.map(|view| (mapped(&view.table), view.read_at));
        self.publish();
    }
}

impl Handler<Hear> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Hear(heard): Hear, _: &mut Self::Context) {
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
        self.life.heard.insert(heard.id, heard);
        forget_oldest(&mut self.life.heard, MOST_PEERS, |heard| heard.at);
        self.publish();
    }
}

impl Handler<Forget> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Forget(id): Forget, _: &mut Self::Context) {
        self.life.heard.remove(&id);
        self.publish();
    }
}

impl Handler<Introduce> for RegistryActor {
    type Result = ();

    fn handle(&mut self, Introduce(election): Introduce, _: &mut Self::Context) {
        self.election = Some(election);
    }
}

crashes_on_demand!(RegistryActor);

//! `ElectionActor`: runs the effects of the election's rules (`porthole_election`).
//!
//! Owns the timer of the next step and the one request that is on its way to the router. Restarts
//! by telling the rules that it has awoken, which forgets that request and derives it again. Loses
//! nothing: the leadership is in the role cell, and the mapping on the router is not touched by a
//! crash.

mod request;
mod survey;
mod telemetry;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use futures_util::StreamExt as _;
use tokio::sync::oneshot;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info};

use super::crash::crashes_on_demand;
use super::entropy::entropy;
use crate::fleet::Fleet;
use crate::lan::interface::{LanAddress, NoAddress};
use crate::messages::election::{
    DeliverElectionMessage, GiveUpMappings, NoteReport, SetRemoteAccess, StepDown,
};
use crate::messages::lan::SendElectionMessage;
use crate::messages::router::AskRouter;
use crate::settings::PortMode;
use crate::shared::{
    HistoryRecorder, RoleStepper, RouterState, RouterView, SharedState, WantedPorts,
};
use porthole_durable::PendingWrite;
use porthole_election::{Effect, Event, Request, State};
use porthole_gateway::Description;
use porthole_supervise::{Fixed, Progress, Resync, UntilRestart, supervised};
use porthole_types::InternalPort;

/// How long the disk may take to store the ledger before the router is asked all the same.
const DISK: Duration = Duration::from_secs(2);

/// Longer than any request to the router can take with all its time-outs.
const REQUEST: Duration = Duration::from_mins(1);

/// Takes the steps of the rules, and does what follows from each.
pub struct ElectionActor {
    wired: Fixed<Wired>,
    volatile: UntilRestart<Volatile>,
}

struct Wired {
    shared: Arc<SharedState>,
    publishers: ElectionPublishers,
    router: Recipient<AskRouter>,
    lan: Recipient<SendElectionMessage>,
    progress: Progress,
}

/// What the election publishes.
pub struct ElectionPublishers {
    /// The state that the rules step from.
    pub role: RoleStepper,
    /// The ports that the web server is to listen on.
    pub wanted_ports: WantedPorts,
    /// What has changed, for those that listen.
    pub history: HistoryRecorder,
}

#[derive(Default)]
struct Volatile {
    /// The timer of the next step.
    wake: Option<SpawnHandle>,
    /// The request that the router has been asked.
    request: Option<SpawnHandle>,
    /// Of the router that the rules know of.
    epoch: Option<Instant>,
    /// When the table was read that the rules were last told of.
    surveyed: Option<Instant>,
    address: Option<Ipv4Addr>,
    waiting_to_leave: Vec<oneshot::Sender<()>>,
}

impl ElectionActor {
    /// An actor that has yet to take its first step.
    pub fn new(
        shared: Arc<SharedState>,
        publishers: ElectionPublishers,
        router: Recipient<AskRouter>,
        lan: Recipient<SendElectionMessage>,
        progress: Progress,
    ) -> Self {
        Self {
            wired: Fixed::new(Wired {
                shared,
                publishers,
                router,
                lan,
                progress,
            }),
            volatile: UntilRestart::default(),
        }
    }

    /// One step of the rules, and what follows from it.
    fn advance(&mut self, event: &Event, ctx: &mut Context<Self>) {
        let shared = &self.wired.shared;
        let before = shared.role.load();
        let stepper = &self.wired.publishers.role;
        let effects = stepper.advance(event, shared.clock.now(), entropy());
        let after = shared.role.load();
        self.record_changes();
        telemetry::tell(shared, &before, &after);
        self.declare_listen_ports(&after);
        if after.pending.is_none()
            && let Some(request) = self.volatile.request.take()
        {
            ctx.cancel_future(request); // what it would answer is no longer asked
        }
        let mut stored = None;
        for effect in effects {
            match effect {
                Effect::Remember => stored = Some(self.remember()),
                // What is asked for is in the ledger on the disk before: a run that ends in between
                // leaves nothing behind that the next one does not know of.
                Effect::Ask(request) => self.ask(request, stored.take(), ctx),
                effect => self.run(&effect, ctx),
            }
        }
        if let Some(stored) = stored {
            stored.detach();
        }
    }

    fn run(&mut self, effect: &Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::Ask(_) | Effect::Remember => {} // in their order, by the caller
            Effect::WakeAt(at) => {
                let after = at.after(self.wired.shared.clock.now());
                let wake = ctx.run_later(after, |actor, ctx| actor.advance(&Event::Tick, ctx));
                if let Some(earlier) = self.volatile.wake.replace(wake) {
                    ctx.cancel_future(earlier);
                }
            }
            Effect::Say(to, message) => {
                let (to, message) = (*to, *message);
                // Lost where the mailbox is full, like on the network.
                let _ = self.wired.lan.try_send(SendElectionMessage { to, message });
            }
            Effect::Left => {
                for waiting in self.volatile.waiting_to_leave.drain(..) {
                    let _ = waiting.send(()); // the caller may have given up
                }
            }
        }
    }

    fn ask(&mut self, request: Request, stored: Option<PendingWrite>, ctx: &mut Context<Self>) {
        debug!(?request, "asking the router");
        let job = self.wired.progress.job("a request to the router", REQUEST);
        let shared = Arc::clone(&self.wired.shared);
        let router = self.wired.router.clone();
        let name = request::name_on(&shared, request.port());
        let answer = async move {
            if let Some(stored) = stored {
                // A disk that is full or broken has been told of, once; one that hangs is not
                // waited for.
                let _ = tokio::time::timeout(DISK, stored.wait()).await;
            }
            let event = request::answer(&shared, &router, request, &name).await;
            drop(job);
            (event, name)
        };
        let handle = ctx.spawn(answer.into_actor(self).map(|(event, name), actor, ctx| {
            actor.volatile.request = None;
            if matches!(event, Event::Secured { .. }) && actor.wired.shared.name.given().is_none() {
                info!(%name, "named by the first port that the router gave");
                actor.wired.shared.name.number(name);
                actor.remember().detach();
            }
            actor.advance(&event, ctx);
        }));
        if let Some(earlier) = self.volatile.request.replace(handle) {
            ctx.cancel_future(earlier);
        }
    }

    /// In `common` mode the web server listens on every port that is, or is about to be, mapped
    /// here (Fig. 8A); a mapping must never lead to a closed port.
    fn declare_listen_ports(&self, state: &State) {
        let shared = &self.wired.shared;
        if shared.settings.router.port_mode == PortMode::Separate {
            return;
        }
        let representative = state
            .leadership
            .map(|_| shared.role.rules().representative_port);
        let own = state.own.map(|own| own.port);
        let pending = state.pending.map(Request::port);
        let mut wanted: BTreeSet<InternalPort> = [representative, own, pending]
            .into_iter()
            .flatten()
            .map(|port| request::internal_port(shared, port))
            .collect();
        if representative.is_none() && own.is_none() {
            wanted.insert(shared.settings.http.port); // there is always one for the LAN
        }
        self.wired.publishers.wanted_ports.publish(wanted);
    }

    fn remember(&self) -> PendingWrite {
        let shared = &self.wired.shared;
        let state = shared.role.load();
        let port = state.port_to_remember(shared.role.rules(), shared.clock.now());
        let numbered = shared.name.names().numbered;
        let mappings = state.ledger.ports().collect();
        shared.remember_election(state.term, numbered, port, mappings)
    }

    /// Those that listen for changes are told what is different now.
    fn record_changes(&self) {
        let history = &self.wired.publishers.history;
        history.record(&self.wired.shared);
    }
}

impl Actor for ElectionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(512); // every server's answer to one Inquiry
        self.volatile.address = self.wired.shared.lan_address().map(|lan| lan.address);
        self.advance(&Event::Awoke, ctx);
        ctx.add_stream(WatchStream::new(self.wired.shared.lan.subscribe()));
        ctx.add_stream(WatchStream::new(self.wired.shared.router.subscribe()));
        ctx.add_stream(WatchStream::new(self.wired.shared.fleet.subscribe()));
        ctx.add_stream(WatchStream::from_changes(self.wired.shared.name.watch()).map(|_| Renamed));
    }
}

supervised!(ElectionActor { wired, volatile });

impl StreamHandler<Result<LanAddress, NoAddress>> for ElectionActor {
    fn handle(&mut self, lan: Result<LanAddress, NoAddress>, ctx: &mut Self::Context) {
        let address = lan.ok().map(|lan| lan.address);
        let before = std::mem::replace(&mut self.volatile.address, address);
        if before.is_some() && before != address {
            self.advance(&Event::AddressChanged, ctx);
        }
    }
}

impl StreamHandler<RouterView> for ElectionActor {
    fn handle(&mut self, view: RouterView, ctx: &mut Self::Context) {
        let epoch = view.epoch.filter(|_| view.state == RouterState::Found);
        if epoch != self.volatile.epoch {
            self.volatile.epoch = epoch;
            let event = if epoch.is_some() {
                Event::RouterFound
            } else {
                Event::RouterLost
            };
            self.advance(&event, ctx);
        }
        if let Some(table) = view
            .table
            .filter(|table| self.volatile.surveyed != Some(table.read_at))
        {
            self.volatile.surveyed = Some(table.read_at);
            let shared = &self.wired.shared;
            let leads_to = |port| {
                let internal = request::internal_port(shared, port);
                Some(SocketAddrV4::new(self.volatile.address?, internal.get()))
            };
            let described = |port| Description::for_name(&request::name_on(shared, port));
            let event = survey::of(&table.table, leads_to, described);
            self.advance(&event, ctx);
        }
        self.record_changes();
    }
}

/// This server is called something else now.
struct Renamed;

impl StreamHandler<Renamed> for ElectionActor {
    /// The table tells servers that cannot hear this one what it is called (Embodiment 3).
    fn handle(&mut self, _: Renamed, ctx: &mut Self::Context) {
        self.advance(&Event::Renamed, ctx);
    }
}

impl StreamHandler<Arc<Fleet>> for ElectionActor {
    fn handle(&mut self, _: Arc<Fleet>, _: &mut Self::Context) {
        self.record_changes();
    }
}

impl Handler<DeliverElectionMessage> for ElectionActor {
    type Result = ();

    fn handle(&mut self, delivery: DeliverElectionMessage, ctx: &mut Self::Context) {
        let DeliverElectionMessage { from, message } = delivery;
        self.advance(&Event::Heard { from, message }, ctx);
    }
}

impl Handler<NoteReport> for ElectionActor {
    type Result = ();

    fn handle(&mut self, report: NoteReport, ctx: &mut Self::Context) {
        let NoteReport {
            from,
            external,
            term,
        } = report;
        let event = Event::Reported {
            from,
            external,
            term,
        };
        self.advance(&event, ctx);
    }
}

impl Handler<GiveUpMappings> for ElectionActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: GiveUpMappings, ctx: &mut Self::Context) -> Self::Result {
        let (left, waiting) = oneshot::channel();
        self.volatile.waiting_to_leave.push(left);
        self.advance(&Event::Leave, ctx);
        Box::pin(async move {
            // An error is a crash of this actor meanwhile: there is nothing to wait for then.
            let _ = waiting.await;
        })
    }
}

impl Handler<StepDown> for ElectionActor {
    type Result = ();

    fn handle(&mut self, _: StepDown, ctx: &mut Self::Context) {
        self.advance(&Event::StepDown, ctx);
    }
}

impl Handler<SetRemoteAccess> for ElectionActor {
    type Result = ();

    fn handle(&mut self, message: SetRemoteAccess, ctx: &mut Self::Context) {
        let SetRemoteAccess(remote_access) = message;
        self.advance(&Event::Expose(remote_access), ctx);
    }
}

impl Handler<Resync> for ElectionActor {
    type Result = ();

    /// The router actor has begun again: what was asked of it will not be answered.
    fn handle(&mut self, _: Resync, ctx: &mut Self::Context) {
        self.advance(&Event::Awoke, ctx);
    }
}

crashes_on_demand!(ElectionActor);

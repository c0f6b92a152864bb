//! `ElectionActor`: runs the effects of the election's rules (`src/election/`).
//!
//! Owns the timer of the next step and the one request that is on its way to the router. Restarts
//! by telling the rules that it has awoken, which forgets that request and derives it again. Loses
//! nothing: the office stands in the role cell, and the mapping on the router is not touched by a
//! crash.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix::prelude::*;
use futures_util::StreamExt as _;
use tokio::sync::oneshot;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, info};

use super::crash::crashes_on_demand;
use super::lan::{LanActor, Say};
use super::router::{Ask, EntryOf, RouterActor};
use crate::fleet::{Fleet, default_name, mapped};
use crate::lan::interface::{LanAddress, NoAddress};
use crate::settings::PortMode;
use crate::shared::{RouterState, RouterView, SharedState, Snapshot};
use porthole_election::{
    Candidacy, Effect, Entropy, Event, Ownership, RemoteAccess, Request, Role, State, SurveyExtent,
};
use porthole_gateway::{Extent, MappingEntry, Protocol, Table};
use porthole_supervise::{Progress, Resync};
use porthole_types::{ExternalPort, InternalPort};

/// How long the web server may take to listen on another port.
const DOOR: Duration = Duration::from_secs(3);

/// Longer than any request to the router can take with all its time-outs.
const REQUEST: Duration = Duration::from_mins(1);

/// Another server was heard: a word about the office, or its report of itself.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Hear(pub Event);

/// Give back what is held, and answer when nothing of ours is on the router any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave;

/// Give up the office and stay in the fleet.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StepDown;

/// People turn the switch of ¶84.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Expose(pub RemoteAccess);

/// See the module.
pub struct ElectionActor {
    shared: Arc<SharedState>,
    router: Addr<RouterActor>,
    lan: Addr<LanActor>,
    progress: Progress,
    life: Life,
}

#[derive(Default)]
struct Life {
    wake: Option<SpawnHandle>,
    request: Option<SpawnHandle>,
    epoch: Option<Instant>,
    surveyed: Option<Instant>,
    address: Option<Ipv4Addr>,
    waiting_to_leave: Vec<oneshot::Sender<()>>,
}

impl ElectionActor {
    /// An actor that has yet to take its first step.
    pub fn new(
        shared: Arc<SharedState>,
        router: Addr<RouterActor>,
        lan: Addr<LanActor>,
        progress: Progress,
    ) -> Self {
        Self {
            shared,
            router,
            lan,
            progress,
            life: Life::default(),
        }
    }

    /// One step of the rules, and what follows from it.
    fn advance(&mut self, event: &Event, ctx: &mut Context<Self>) {
        let before = self.shared.role.load();
        let effects = self
            .shared
            .role
            .advance(event, self.shared.clock.now(), entropy());
        let after = self.shared.role.load();
        self.announce(&before, &after);
        self.declare_listen_ports(&after);
        if after.pending.is_none()
            && let Some(request) = self.life.request.take()
        {
            ctx.cancel_future(request); // what it would answer is no longer asked
        }
        for effect in effects {
            self.run(&effect, ctx);
        }
    }

    fn run(&mut self, effect: &Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::Ask(request) => self.ask(*request, ctx),
            Effect::WakeAt(at) => {
                let after = at.after(self.shared.clock.now());
                let wake = ctx.run_later(after, |actor, ctx| actor.advance(&Event::Tick, ctx));
                if let Some(earlier) = self.life.wake.replace(wake) {
                    ctx.cancel_future(earlier);
                }
            }
            Effect::Say(to, message) => {
                let (to, message) = (*to, *message);
                let _ = self.lan.try_send(Say { to, message }); // lost, like on the network
            }
            Effect::Remember => self.remember(),
            Effect::Left => {
                for waiting in self.life.waiting_to_leave.drain(..) {
                    let _ = waiting.send(()); // who asked may have given up
                }
            }
        }
    }

    fn ask(&mut self, request: Request, ctx: &mut Context<Self>) {
        debug!(?request, "asking the router");
        let job = self.progress.job("a request to the router", REQUEST);
        let shared = Arc::clone(&self.shared);
        let router = self.router.clone();
        let name = shared
            .name
            .given()
            .unwrap_or_else(|| self.name_at(request.port()));
        let answer = async move {
            let event = answer(&shared, &router, request, &name).await;
            drop(job);
            (event, name)
        };
        let handle = ctx.spawn(answer.into_actor(self).map(|(event, name), actor, ctx| {
            actor.life.request = None;
            if matches!(event, Event::Secured { .. }) && actor.shared.name.given().is_none() {
                info!(%name, "named by the first port that the router gave");
                actor.shared.name.number(name);
                actor.remember();
            }
            actor.advance(&event, ctx);
        }));
        if let Some(earlier) = self.life.request.replace(handle) {
            ctx.cancel_future(earlier);
        }
    }

    /// "server N" for the port that is asked for (¶53).
    fn name_at(&self, port: ExternalPort) -> String {
        let router = &self.shared.settings.router;
        let table = self
            .shared
            .router
            .borrow()
            .table
            .as_ref()
            .map(|view| mapped(&view.table));
        let me = self
            .shared
            .lan_address()
            .map_or(Ipv4Addr::UNSPECIFIED, |lan| lan.address);
        let me = SocketAddrV4::new(me, self.internal(port).get());
        let first = router.port_range.first();
        default_name(
            port,
            first,
            router.representative_port,
            &table.unwrap_or_default(),
            me,
        )
    }

    fn internal(&self, port: ExternalPort) -> InternalPort {
        internal_port(&self.shared, port)
    }

    /// In `common` mode the web server listens on every port that is, or is about to be, mapped
    /// here (Fig. 8A); a mapping must never lead to a closed door.
    fn declare_listen_ports(&self, state: &State) {
        if self.shared.settings.router.port_mode == PortMode::Separate {
            return;
        }
        let office = state
            .leadership
            .map(|_| self.shared.role.rules().representative_port);
        let own = state.own.map(|own| own.port);
        let pending = state.pending.map(Request::port);
        let mut listen_ports: BTreeSet<InternalPort> = [office, own, pending]
            .into_iter()
            .flatten()
            .map(|port| self.internal(port))
            .collect();
        if office.is_none() && own.is_none() {
            listen_ports.insert(self.shared.settings.http.port); // the LAN can always come in somewhere
        }
        self.shared.listen_ports.want(listen_ports);
    }

    fn remember(&self) {
        let now = self.shared.clock.now();
        let state = self.shared.role.load();
        let port = state.port_to_remember(self.shared.role.rules(), now);
        let numbered = self.shared.name.names().numbered;
        let kept = self.shared.disk.update(|remembered| {
            remembered.term = state.term;
            remembered.name = numbered;
            remembered.mapped_port = port;
        });
        kept.soon();
    }

    fn announce(&self, before: &State, after: &State) {
        self.look();
        let metrics = &self.shared.metrics;
        let now = self.shared.clock.now();
        let representative = after.role(now) == Role::Representative;
        metrics.representative.set(i64::from(representative));
        metrics
            .term
            .set(i64::try_from(after.term.0).unwrap_or(i64::MAX));
        let ends = match after.leadership {
            Some(office) => Some(office.deadline),
            None => after.own.and_then(|own| own.lapses_at),
        };
        let expiry = ends.map_or(0.0, |at| {
            let wall = self.shared.clock.wall(at);
            wall.duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs_f64()
        });
        metrics.lease_expiry_timestamp_seconds.set(expiry);
        if before.leadership.is_some() != after.leadership.is_some() {
            metrics.representative_changes_total.inc();
            if representative {
                info!(term = %after.term, "this server is the representative");
            } else {
                info!(term = %after.term, "this server is the representative no more");
            }
        }
        let overdue = |state: &State| state.detector.map_or(0, |detector| detector.misses);
        let missed = overdue(after).saturating_sub(overdue(before));
        metrics.heartbeats_missed_total.inc_by(missed.into());
        trace(before, after);
        if before.own.map(|own| own.port) != after.own.map(|own| own.port) {
            match after.own {
                Some(own) => info!(port = %own.port, "mapped"),
                None => info!("has no port of its own on the router now"),
            }
        }
        if before.crowded_since.is_none() && after.crowded_since.is_some() {
            tracing::warn!(range = %self.shared.settings.router.port_range, "every port is taken");
        }
    }

    /// Whoever listens for changes is told what is different now.
    fn look(&self) {
        self.shared
            .history
            .look(Snapshot::of(&self.shared), SystemTime::now());
    }
}

/// The steps of a rotation, for whoever wants to understand one afterwards.
fn trace(before: &State, after: &State) {
    if let (None, Some(vacancy)) = (before.vacancy, after.vacancy) {
        info!(cause = vacancy.cause.words(), term = %vacancy.term, "the representative is gone");
    }
    if before.candidacy == after.candidacy {
        return;
    }
    match after.candidacy {
        Candidacy::None | Candidacy::Waiting { .. } => {}
        Candidacy::Claiming { round, .. } => info!(round, "claims the office"),
        Candidacy::Acquiring { round, stale, .. } => debug!(round, ?stale, "takes the office"),
        Candidacy::Yielding { to, stage, .. } => {
            debug!(to = %to.id, ?stage, "lets another go first")
        }
    }
}

/// Fresh randomness for one step.
fn entropy() -> Entropy {
    // Without randomness every server waits the same: collisions, which the rules resolve.
    Entropy(getrandom::u64().unwrap_or_default())
}

/// The port of this server that `port` of the router leads to (Fig. 8).
fn internal_port(shared: &SharedState, port: ExternalPort) -> InternalPort {
    match shared.settings.router.port_mode {
        PortMode::Separate => shared.settings.http.port,
        PortMode::Common => InternalPort(port.0),
    }
}

/// What the router says to one request; whatever goes wrong on the way is a failure of the request.
async fn answer(
    shared: &SharedState,
    router: &Addr<RouterActor>,
    request: Request,
    name: &str,
) -> Event {
    let Some(lan) = shared.lan_address() else {
        return Event::Failed(request);
    };
    let port = request.port();
    let internal = internal_port(shared, port);
    if matches!(request, Request::Secure { .. })
        && let Err(why) = shared.listen_ports.opened(internal, DOOR).await
    {
        debug!(%port, %why, "cannot listen there"); // the web server has said so, once
        // In common mode another port is another door, and that one may open.
        let another = shared.settings.router.port_mode == PortMode::Common
            && port != shared.role.rules().representative_port;
        return if another {
            Event::Taken {
                port,
                expires_in: None,
                by: None,
            }
        } else {
            Event::Failed(request)
        };
    }
    let internal = SocketAddrV4::new(lan.address, internal.get());
    let ask = Ask {
        request,
        internal,
        name: name.to_owned(),
        entry: if port == shared.role.rules().representative_port {
            EntryOf::Office
        } else {
            EntryOf::Member
        },
    };
    match router.send(ask).await {
        Ok(event) => event,
        // It crashed on this message: the outcome is unknown, and asking again is harmless.
        Err(_) => Event::Failed(request),
    }
}

impl Actor for ElectionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(512); // every server's answer to one Inquiry
        self.life.address = self.shared.lan_address().map(|lan| lan.address);
        self.advance(&Event::Awoke, ctx);
        ctx.add_stream(WatchStream::new(self.shared.lan.subscribe()));
        ctx.add_stream(WatchStream::new(self.shared.router.subscribe()));
        ctx.add_stream(WatchStream::new(self.shared.fleet.subscribe()));
        ctx.add_stream(WatchStream::from_changes(self.shared.name.watch()).map(|_| Renamed));
    }
}

impl Supervised for ElectionActor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.life = Life::default();
    }
}

impl StreamHandler<Result<LanAddress, NoAddress>> for ElectionActor {
    fn handle(&mut self, lan: Result<LanAddress, NoAddress>, ctx: &mut Self::Context) {
        let address = lan.ok().map(|lan| lan.address);
        let before = std::mem::replace(&mut self.life.address, address);
        if before.is_some() && before != address {
            self.advance(&Event::AddressChanged, ctx);
        }
    }
}

impl StreamHandler<RouterView> for ElectionActor {
    fn handle(&mut self, view: RouterView, ctx: &mut Self::Context) {
        let epoch = view.epoch.filter(|_| view.state == RouterState::Found);
        if epoch != self.life.epoch {
            self.life.epoch = epoch;
            let event = if epoch.is_some() {
                Event::RouterFound
            } else {
                Event::RouterLost
            };
            self.advance(&event, ctx);
        }
        if let Some(table) = view
            .table
            .filter(|table| self.life.surveyed != Some(table.read_at))
        {
            self.life.surveyed = Some(table.read_at);
            let event = survey(&table.table, self.life.address);
            self.advance(&event, ctx);
        }
        self.look();
    }
}

/// This server is called something else now.
struct Renamed;

impl StreamHandler<Renamed> for ElectionActor {
    /// The table tells who cannot hear this server what it is called (Embodiment 3).
    fn handle(&mut self, _: Renamed, ctx: &mut Self::Context) {
        self.advance(&Event::Renamed, ctx);
    }
}

impl StreamHandler<Arc<Fleet>> for ElectionActor {
    fn handle(&mut self, _: Arc<Fleet>, _: &mut Self::Context) {
        self.look();
    }
}

/// What a reading of the table says to the rules.
fn survey(table: &Table, me: Option<Ipv4Addr>) -> Event {
    let whose = |entry: &MappingEntry| match entry.client_address() {
        Some(client) if Some(client) == me => Ownership::Mine,
        _ => Ownership::Theirs,
    };
    let tcp = table
        .entries
        .iter()
        .filter(|entry| entry.protocol == Protocol::Tcp);
    let seen = match table.extent {
        Extent::Whole => SurveyExtent::Whole,
        Extent::Partial => SurveyExtent::Part,
    };
    Event::Surveyed {
        holders: tcp.map(|entry| (entry.external, whose(entry))).collect(),
        seen,
    }
}

impl Handler<Hear> for ElectionActor {
    type Result = ();

    fn handle(&mut self, Hear(event): Hear, ctx: &mut Self::Context) {
        self.advance(&event, ctx);
    }
}

impl Handler<Leave> for ElectionActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Leave, ctx: &mut Self::Context) -> Self::Result {
        let (left, waiting) = oneshot::channel();
        self.life.waiting_to_leave.push(left);
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

impl Handler<Expose> for ElectionActor {
    type Result = ();

    fn handle(&mut self, Expose(remote_access): Expose, ctx: &mut Self::Context) {
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

//! The supervision tree. This file is its diagram: one function a group, and in it one paragraph an
//! actor, dependencies before dependents.
//!
//! ```text
//! root ─┬─ network ── router ─ registry ─ lan ─ discovery ─ election   (one arbiter)
//!       ├─ media ──── capture ─ encoder ─ drive              (one arbiter, three threads)
//!       └─ web ────── http                                   (one arbiter, its workers)
//! ```
//!
//! A child that panics or hangs is restarted at once, behind the same address. Six times within the
//! window, and it escalates: past its group to the root, and the root ends the process with
//! [`EXIT_ESCALATED`], so that the container starts it again. The router's mapping outlives all
//! that.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, ArbiterHandle, Context, Recipient, Supervised, System};
use actix_web::web::Data;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::actors::capture::{CaptureActor, CaptureWork};
use crate::actors::discovery::DiscoveryActor;
use crate::actors::drive::{DriveActor, DriveWork};
use crate::actors::election::{ElectionActor, ElectionPublishers};
use crate::actors::encoder::{EncoderActor, EncoderWork};
use crate::actors::http::HttpActor;
use crate::actors::lan::{self, LanActor};
use crate::actors::registry::RegistryActor;
use crate::actors::router::RouterActor;
use crate::http::{Actors, App, Listeners};
use crate::messages::PanicNow;
use crate::messages::discovery::WithdrawMdns;
use crate::messages::election::GiveUpMappings;
use crate::messages::lan::FlushRepeats;
use crate::metrics::Actor as Label;
use crate::shared::{CameraPublishers, OpenPorts, Publishers, SharedState};
use porthole_supervise::{
    ActorName, Backoff, Budget, ChildSpec, Event, Events, Group, Policy, Supervisor,
};

/// What the process exits with when an actor cannot be kept alive (`EX_SOFTWARE` of sysexits.h).
pub const EXIT_ESCALATED: i32 = 70;

/// What the process exits with when mappings of it may be on the router still: it did not answer in
/// time, or does not delete them (`EX_TEMPFAIL` of sysexits.h). The next run gives them back.
pub const EXIT_LEFT_BEHIND: i32 = 75;

/// How long a clean end may take: the router is asked to delete, the LAN is told, connections
/// close. Less than the 10 s after which containers are killed.
const CLEAN_END: Duration = Duration::from_secs(8);

/// An arbiter that runs no task for so long is stuck, and everything on it with it.
const STUCK: Duration = Duration::from_secs(20);

/// A capture, encoder or drive thread without a heartbeat for so long hangs in the device or the
/// codec.
const SILENT_THREAD: Duration = Duration::from_secs(10);

/// Five crashes within half a minute are tolerated; each waits a little longer than the one before.
const BUDGET: Budget = Budget {
    restarts: 5,
    window: Duration::from_secs(30),
};

/// Runs one server until it is told to end. The answer is the process's exit code.
///
/// # Errors
/// When the system refuses a thread or a signal handler.
pub async fn run(shared: Arc<SharedState>, publishers: Publishers) -> io::Result<i32> {
    let (supervisor, events) = Supervisor::new();
    let watchdog = supervisor.watchdog(STUCK)?;
    let (network, media, web) = (Arbiter::new(), Arbiter::new(), Arbiter::new());
    for (name, arbiter) in [("network", &network), ("media", &media), ("web", &web)] {
        watchdog.watch(name, &arbiter.handle());
    }

    let arbiters = [&network, &media, &web];
    let root = build(&supervisor, arbiters, &shared, publishers);
    let mut code = until_the_end(events, &shared).await?;
    if code == 0 {
        leave(&root, &supervisor).await;
        let ledger = shared.role.load().ledger.clone();
        if !ledger.is_empty() {
            let ports: Vec<String> = ledger.ports().map(|port| port.to_string()).collect();
            warn!(
                ports = ports.join(", "),
                "the router has not said that these ports of it are given back: the next start \
                 does that, or they end with their leases"
            );
            code = EXIT_LEFT_BEHIND;
        }
    }
    root.listeners.close().await;
    drop(watchdog);
    for arbiter in [network, media, web] {
        arbiter.stop();
    }
    System::current().stop();
    Ok(code)
}

/// The first restart is immediate, the next ones wait 50 ms, then double; a thread that keeps
/// failing waits up to 2 s, an actor escalates before.
fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(2), 20)
        .expect("the pauses are in order and the jitter is below 100 %")
}

/// What the root itself asks of its actors, when the program ends.
struct Root {
    give_up_mappings: Recipient<GiveUpMappings>,
    flush_repeats: Recipient<FlushRepeats>,
    withdraw_mdns: Recipient<WithdrawMdns>,
    listeners: Arc<Listeners>,
}

/// Every actor by its name, for the debug API.
type PanicNowByName = BTreeMap<&'static str, Recipient<PanicNow>>;

/// One group and the arbiter that its actors run on.
struct GroupOn {
    group: Group,
    arbiter: ArbiterHandle,
}

impl GroupOn {
    fn child<A>(&self, label: Label) -> ChildSpec<A>
    where
        A: Actor<Context = Context<A>> + Supervised,
    {
        let policy = Policy {
            budget: BUDGET,
            backoff: backoff(),
        };
        let name = ActorName(label.as_str());
        self.group.child(&self.arbiter, name, policy)
    }
}

/// Starts every actor, with the one publisher of each value that it publishes and the recipients of
/// what it sends.
fn build(
    supervisor: &Supervisor,
    [network, media, web]: [&Arbiter; 3],
    shared: &Arc<SharedState>,
    publishers: Publishers,
) -> Root {
    let group = |name, arbiter: &Arbiter| GroupOn {
        group: supervisor.group(name),
        arbiter: arbiter.handle(),
    };
    let network = start_network(&group("network", network), shared, publishers);
    let mut panic_now = network.panic_now;
    panic_now.extend(start_media(&group("media", media), shared, network.camera));
    let listeners = Arc::new(Listeners::default());
    let actors = Actors {
        rename_camera: network.lan.clone().recipient(),
        step_down: network.election.clone().recipient(),
        set_remote_access: network.election.clone().recipient(),
        panic_now,
    };
    start_web(
        &group("web", web),
        shared,
        actors,
        Arc::clone(&listeners),
        network.open_ports,
    );
    Root {
        give_up_mappings: network.election.recipient(),
        flush_repeats: network.lan.recipient(),
        withdraw_mdns: network.discovery.recipient(),
        listeners,
    }
}

/// What the network group offers to the other groups and the root.
struct Network {
    lan: Addr<LanActor>,
    discovery: Addr<DiscoveryActor>,
    election: Addr<ElectionActor>,
    panic_now: PanicNowByName,
    /// Not published by this group.
    open_ports: OpenPorts,
    camera: CameraPublishers,
}

/// router ─ registry ─ lan ─ discovery ─ election
fn start_network(group: &GroupOn, shared: &Arc<SharedState>, publishers: Publishers) -> Network {
    let Publishers {
        role,
        lan: lan_address,
        router: router_view,
        fleet,
        keys,
        wanted_ports,
        open_ports,
        history,
        camera,
    } = publishers;
    // Registry and lan send to the election too, which depends on them: its address comes first.
    let election = group.child::<ElectionActor>(Label::Election).resynced();

    let router = group.child(Label::Router).start({
        let shared = Arc::clone(shared);
        move |_, child| RouterActor::new(shared, router_view, child.progress)
    });
    let registry = group.child(Label::Registry).start({
        let shared = Arc::clone(shared);
        let election = election.address().recipient();
        move |_, _| RegistryActor::new(shared, fleet, election)
    });
    let lan = group.child(Label::Lan).start({
        let shared = Arc::clone(shared);
        let recipients = lan::Recipients {
            election_message: election.address().recipient(),
            report: registry.clone().recipient(),
            leaving: registry.clone().recipient(),
        };
        move |_, _| LanActor::new(shared, lan_address, keys, recipients)
    });
    let discovery = group.child(Label::Discovery).resynced().start({
        let shared = Arc::clone(shared);
        let (record, remove) = (registry.clone().recipient(), registry.clone().recipient());
        move |_, _| DiscoveryActor::new(shared, record, remove)
    });
    let election = election.start({
        let shared = Arc::clone(shared);
        let publishers = ElectionPublishers {
            role,
            wanted_ports,
            history,
        };
        let (router, lan) = (router.clone().recipient(), lan.clone().recipient());
        move |_, child| ElectionActor::new(shared, publishers, router, lan, child.progress)
    });

    let panic_now = BTreeMap::from([
        (Label::Router.as_str(), router.recipient()),
        (Label::Registry.as_str(), registry.recipient()),
        (Label::Lan.as_str(), lan.clone().recipient()),
        (Label::Discovery.as_str(), discovery.clone().recipient()),
        (Label::Election.as_str(), election.clone().recipient()),
    ]);
    Network {
        lan,
        discovery,
        election,
        panic_now,
        open_ports,
        camera,
    }
}

/// capture ─ encoder ─ drive, each with a thread of its own
fn start_media(
    group: &GroupOn,
    shared: &Arc<SharedState>,
    publishers: CameraPublishers,
) -> PanicNowByName {
    let capture = group.child(Label::Capture).start({
        let shared = Arc::clone(shared);
        let work = CaptureWork {
            health: publishers.health,
        };
        move |_, child| {
            CaptureActor::new(
                shared,
                child.worker("capture", SILENT_THREAD, backoff()),
                work,
            )
        }
    });
    let encoder = group.child(Label::Encoder).start({
        let shared = Arc::clone(shared);
        move |_, child| {
            let thread = child.worker("encoder", SILENT_THREAD, backoff());
            EncoderActor::new(shared, thread, EncoderWork)
        }
    });
    let drive = group.child(Label::Drive).start({
        let shared = Arc::clone(shared);
        let work = DriveWork {
            offered: publishers.offered,
        };
        move |_, child| {
            DriveActor::new(
                shared,
                child.worker("drive", SILENT_THREAD, backoff()),
                work,
            )
        }
    });
    BTreeMap::from([
        (Label::Capture.as_str(), capture.recipient()),
        (Label::Encoder.as_str(), encoder.recipient()),
        (Label::Drive.as_str(), drive.recipient()),
    ])
}

/// http
fn start_web(
    group: &GroupOn,
    shared: &Arc<SharedState>,
    mut actors: Actors,
    listeners: Arc<Listeners>,
    open_ports: OpenPorts,
) {
    let http = group.child::<HttpActor>(Label::Http);
    let panic_now = http.address().recipient();
    actors.panic_now.insert(Label::Http.as_str(), panic_now);
    let shared = Arc::clone(shared);
    http.start(move |_, _| {
        HttpActor::new(Data::new(App { shared, actors }), listeners, open_ports)
    });
}

/// Logs and counts events until something ends the program: a signal (0), or an actor that cannot
/// be kept running (70).
async fn until_the_end(mut events: Events, shared: &SharedState) -> io::Result<i32> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => if let Some(code) = exit_code_of(&event, shared) { return Ok(code) },
                None => return Ok(EXIT_ESCALATED),
            },
            _ = terminate.recv() => { info!("asked to end (SIGTERM)"); return Ok(0) }
            _ = interrupt.recv() => { info!("asked to end (SIGINT)"); return Ok(0) }
        }
    }
}

/// Counts and logs one event. Returns the exit code where it ends the program.
fn exit_code_of(event: &Event, shared: &SharedState) -> Option<i32> {
    match event {
        Event::Restarted { actor, .. } => {
            warn!("{event}");
            if let Some(label) = Label::named(actor.0) {
                shared.metrics.actor_restarts_total.of(label).inc();
            }
        }
        Event::ThreadRestarted { .. } | Event::ThreadAbandoned { .. } => warn!("{event}"),
        Event::Started { .. } | Event::Ended { .. } => info!("{event}"),
        Event::Escalated { .. } | Event::ArbiterStuck { .. } => {
            error!("{event}");
            return Some(EXIT_ESCALATED);
        }
    }
    None
}

/// A clean end: the router first, so that another can become the representative, then the LAN, then
/// the actors.
async fn leave(root: &Root, supervisor: &Supervisor) {
    let goodbye = async {
        let _ = root.give_up_mappings.send(GiveUpMappings).await;
        let _ = root.flush_repeats.send(FlushRepeats).await;
        let _ = root.withdraw_mdns.send(WithdrawMdns).await;
        for path in supervisor.shutdown(Duration::from_millis(500)).await {
            warn!(%path, "did not end in time");
        }
    };
    if tokio::time::timeout(CLEAN_END, goodbye).await.is_err() {
        warn!(
            "leaving without the router's answer that our mappings are gone: \
             they end with their leases"
        );
    }
}

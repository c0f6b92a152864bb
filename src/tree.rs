//! The supervision tree. This file is its diagram: one line per actor, elders above younger ones.
//!
//! ```text
//! root ─┬─ network ── router ─ registry ─ lan ─ discovery ─ election      (one arbiter)
//!       ├─ media ──── capture ─ encoder ─ drive                           (one arbiter, three threads)
//!       └─ web ────── http                                                (one arbiter, its workers)
//! ```
//!
//! A child that panics or hangs begins a new life at once, behind the same address. Six times
//! within the window, and it escalates: past its group to the root, and the root ends the process
//! with [`EXIT_ESCALATED`], so that the container starts it again. The router's mapping outlives
//! all that.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, Arbiter, Recipient, System};
use actix_web::web::Data;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::actors::crash::Crash;
use crate::actors::{
    capture::CaptureActor, discovery, discovery::DiscoveryActor, drive::DriveActor, election,
    election::ElectionActor, encoder::EncoderActor, http::HttpActor, lan, lan::LanActor,
    registry::Introduce, registry::RegistryActor, router::RouterActor,
};
use crate::http::{Actors, App, Listeners};
use crate::metrics::Actor as Label;
use crate::shared::SharedState;
use porthole_supervise::{ActorName, Backoff, Budget, Event, Events, Policy, Supervisor};

/// What the process exits with when an actor cannot be kept alive (`EX_SOFTWARE` of sysexits.h).
pub const EXIT_ESCALATED: i32 = 70;

/// How long a clean end may take: the router is asked to delete, the LAN is told, connections
/// close.
const FAREWELL: Duration = Duration::from_millis(2500);

/// An arbiter that does not turn for so long is stuck, and everything on it with it.
const STUCK: Duration = Duration::from_secs(20);

/// A capture, encoder or drive thread that shows no sign of life for so long hangs in the device or
/// the codec.
const SILENT_THREAD: Duration = Duration::from_secs(10);

/// Five crashes within half a minute are borne; each waits a little longer than the one before.
const BUDGET: Budget = Budget {
    restarts: 5,
    window: Duration::from_secs(30),
};

/// Runs one server until it is told to end. The answer is the process's exit code.
///
/// # Errors
/// When the system refuses a thread or a signal handler.
pub async fn run(shared: Arc<SharedState>) -> io::Result<i32> {
    let (supervisor, events) = Supervisor::new();
    let watchdog = supervisor.watchdog(STUCK)?;
    let (network, media, web) = (Arbiter::new(), Arbiter::new(), Arbiter::new());
    for (name, arbiter) in [("network", &network), ("media", &media), ("web", &web)] {
        watchdog.watch(name, &arbiter.handle());
    }

    let addresses = build(&supervisor, [&network, &media, &web], &shared);
    let code = attend(events, &shared).await?;
    if code == 0 {
        leave(&addresses, &supervisor).await;
    }
    addresses.listeners.close().await;
    drop(watchdog);
    for arbiter in [network, media, web] {
        arbiter.stop();
    }
    System::current().stop();
    Ok(code)
}

/// The first restart is immediate, the next ones wait 50 ms and double up to 2 s.
fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(2), 20)
        .expect("the pauses are in order and the jitter is below 100 %")
}

/// The addresses that the root itself needs.
struct Addresses {
    discovery: Addr<DiscoveryActor>,
    election: Addr<ElectionActor>,
    lan: Addr<LanActor>,
    listeners: Arc<Listeners>,
}

/// The tree.
fn build(
    root: &Supervisor,
    [network_arbiter, media_arbiter, web_arbiter]: [&Arbiter; 3],
    shared: &Arc<SharedState>,
) -> Addresses {
    let policy = Policy {
        budget: BUDGET,
        backoff: backoff(),
    };
    let on = |arbiter: &Arbiter| arbiter.handle();
    let name = |label: Label| ActorName(label.as_str());
    let c = || Arc::clone(shared);

    let network = root.group("network");
    let at = on(network_arbiter);
    let router = network.keep(&at, name(Label::Router), policy, {
        let shared = c();
        move |_, life| RouterActor::new(shared, life.progress)
    });
    let registry = network.keep(&at, name(Label::Registry), policy, {
        let shared = c();
        move |_, _| RegistryActor::new(shared)
    });
    let lan = network.keep(&at, name(Label::Lan), policy, {
        let (shared, registry) = (c(), registry.clone());
        move |_, _| LanActor::new(shared, registry)
    });
    let discovery = network.keep_synced(&at, name(Label::Discovery), policy, {
        let (shared, registry) = (c(), registry.clone());
        move |_, _| DiscoveryActor::new(shared, registry)
    });
    let election = network.keep_synced(&at, name(Label::Election), policy, {
        let (shared, router, lan) = (c(), router.clone(), lan.clone());
        move |_, life| ElectionActor::new(shared, router, lan, life.progress)
    });
    // The one address that goes from a younger one to its elders.
    let _ = registry.try_send(Introduce(election.clone()));
    let _ = lan.try_send(Introduce(election.clone()));

    let media = root.group("media");
    let at = on(media_arbiter);
    let capture = media.keep(&at, name(Label::Capture), policy, {
        let shared = c();
        move |_, life| CaptureActor::new(shared, life.worker("capture", SILENT_THREAD, backoff()))
    });
    let encoder = media.keep(&at, name(Label::Encoder), policy, {
        let shared = c();
        move |_, life| EncoderActor::new(shared, life.worker("encoder", SILENT_THREAD, backoff()))
    });
    let drive = media.keep(&at, name(Label::Drive), policy, {
        let shared = c();
        move |_, life| DriveActor::new(shared, life.worker("drive", SILENT_THREAD, backoff()))
    });

    let web = root.group("web");
    let listeners = Arc::new(Listeners::default());
    web.keep(&on(web_arbiter), name(Label::Http), policy, {
        let mut crash: BTreeMap<&'static str, Recipient<Crash>> = BTreeMap::from([
            (Label::Router.as_str(), router.recipient()),
            (Label::Registry.as_str(), registry.recipient()),
            (Label::Lan.as_str(), lan.clone().recipient()),
            (Label::Discovery.as_str(), discovery.clone().recipient()),
            (Label::Election.as_str(), election.clone().recipient()),
            (Label::Capture.as_str(), capture.recipient()),
            (Label::Encoder.as_str(), encoder.recipient()),
            (Label::Drive.as_str(), drive.recipient()),
        ]);
        let (shared, listeners) = (c(), Arc::clone(&listeners));
        let (election, lan) = (election.clone(), lan.clone());
        move |ctx, _| {
            use actix::AsyncContext as _;
            let myself: Addr<HttpActor> = ctx.address();
            crash.insert(Label::Http.as_str(), myself.recipient());
            let app = App {
                shared,
                actors: Actors {
                    lan,
                    election,
                    crash,
                },
            };
            HttpActor::new(Data::new(app), listeners)
        }
    });

    Addresses {
        discovery,
        election,
        lan,
        listeners,
    }
}

/// Hears what happens until something ends the program: a signal (0), or an actor that is past
/// saving (70).
async fn attend(mut events: Events, shared: &SharedState) -> io::Result<i32> {
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

/// Counts and logs; the exit code where the event is the end.
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

/// A clean end: the router first, so that another can take the office, then the LAN, then the
/// actors.
async fn leave(addresses: &Addresses, supervisor: &Supervisor) {
    let goodbye = async {
        let _ = addresses.election.send(election::Leave).await;
        let _ = addresses.lan.send(lan::Flush).await;
        let _ = addresses.discovery.send(discovery::SayGoodbye).await;
        for path in supervisor.shutdown(Duration::from_millis(500)).await {
            warn!(%path, "did not end in time");
        }
    };
    if tokio::time::timeout(FAREWELL, goodbye).await.is_err() {
        warn!(
            "leaving without the router's word that our mappings are gone: they end with their leases"
        );
    }
}

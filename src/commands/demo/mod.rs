//! `porthole demo`: a *simulated* router and real camera servers, each a process of its own, on
//! loopback.
//!
//! | who | where |
//! |---|---|
//! | the Internet side of the simulated router | 127.0.0.1 |
//! | its LAN side | 127.0.0.2 |
//! | the cameras | 127.0.0.11, 127.0.0.12, … |
//!
//! A second demo at the same time has 127.0.1.2 and so on; it only needs another `--port`.
//!
//! Everything but the router is the program as it runs in a house: each camera finds the router by
//! SSDP, asks for a port by SOAP, shows a test pattern. Only the leases are short, so that one sees
//! another take over while one still looks.

mod control;
mod fleet;
mod folder;
mod net;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use actix::System;
use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;

use fleet::{DemoFleet, Secrets};
use net::LoopbackNet;
use porthole_sim_router::{Event, SimRouter, SimRouterConfig};

const WAN: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How long the first camera may take to be reached before the URL is shown all the same.
const FIRST_CAMERA: Duration = Duration::from_secs(10);
/// How often the cameras are looked after.
const ROUND: Duration = Duration::from_secs(1);

/// What the demo may be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many cameras.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=40))]
    cameras: u8,
    /// The fixed port on the simulated router's Internet side; the others follow it.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    port: u16,
    /// Pull the plug on the representative by itself every so often (for example "20s"), and plug
    /// the one before in again.
    #[arg(long, value_name = "TIME", value_parser = kill_time)]
    kill_after: Option<Duration>,
}

/// What somebody wants, by key or by button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    PullThePlug,
    PlugIn,
    Quit,
}

/// Runs until `q`, Ctrl-C, SIGTERM or SIGHUP (a closed terminal).
///
/// # Errors
/// When an address or port of loopback is taken, or a process cannot be started.
pub fn run(args: &Args) -> anyhow::Result<i32> {
    System::new().block_on(demo(args))?;
    Ok(0)
}

async fn demo(args: &Args) -> anyhow::Result<()> {
    let stop = stop_signals()?;
    net::check_free(SocketAddrV4::new(WAN, args.port))?;
    let net = LoopbackNet::claim()?;
    let (wishes, inbox) = mpsc::channel(8);
    let control = control::start(wishes.clone()).context("the demo's own buttons")?;
    let router = SimRouter::start(SimRouterConfig {
        reported_external: WAN,
        ..SimRouterConfig::loopback(net.router(), WAN)
    })
    .context("the simulated router")?;
    let events = router.events();
    let secrets = Secrets::draw()?;
    let mut fleet = DemoFleet::start(args, &net, router.ssdp_address(), &control, &secrets)?;
    listen_to_keys(wishes.clone());
    if let Some(time) = args.kill_after {
        kill_every(time, wishes);
    }
    say(
        "Porthole demo: the router is SIMULATED, the cameras show a test pattern; the rest is the real program.",
    )?;
    say(&match args.cameras {
        1 => "  1 camera, a process of its own, behind one router".to_owned(),
        many => format!("  {many} cameras, each a process of its own, behind one router"),
    })?;
    let ended = tokio::select! {
        ended = serve(args, &secrets, &router, &mut fleet, events, inbox) => ended,
        () = stop => Ok(()),
    };
    // Said to nobody where the terminal is gone.
    let _ = say("Ending the cameras and the simulated router.");
    fleet.end().await;
    router.stop().await;
    ended
}

/// Resolves when somebody wants the program to end.
fn stop_signals() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

/// Does what is wished and tells what happens, until somebody quits.
async fn serve(
    args: &Args,
    secrets: &Secrets,
    router: &SimRouter,
    fleet: &mut DemoFleet,
    mut events: broadcast::Receiver<Event>,
    mut inbox: mpsc::Receiver<Wish>,
) -> anyhow::Result<()> {
    let mut round = tokio::time::interval(ROUND);
    let previous = tokio::time::Instant::now() + FIRST_CAMERA;
    let mut introduced = false;
    loop {
        tokio::select! {
            wish = inbox.recv() => match wish {
                Some(Wish::PullThePlug) => fleet.pull_the_plug(router)?,
                Some(Wish::PlugIn) => fleet.plug_in()?,
                Some(Wish::Quit) | None => return Ok(()),
            },
            event = events.recv() => match event {
                Ok(Event::Renewed(_)) | Err(RecvError::Lagged(_)) => {}
                Ok(event) => say(&format!("  router: {event}"))?,
                Err(RecvError::Closed) => return Ok(()),
            },
            _ = round.tick() => fleet.report_losses()?,
        }
        // Not before somebody answers there.
        let mapped = |port| {
            router
                .table()
                .iter()
                .any(|entry| entry.mapping.external_port.get() == port)
        };
        if !introduced && (mapped(args.port) || tokio::time::Instant::now() > previous) {
            introduced = true;
            introduce(args, secrets)?;
        }
    }
}

/// Pulls the plug again and again; the camera before gets its power back, so that it can go on for
/// ever.
fn kill_every(time: Duration, wishes: mpsc::Sender<Wish>) {
    actix::spawn(async move {
        loop {
            tokio::time::sleep(time).await;
            for wish in [Wish::PlugIn, Wish::PullThePlug] {
                if wishes.send(wish).await.is_err() {
                    return;
                }
            }
        }
    });
}

/// A time that leaves another camera the chance to take over.
fn kill_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|why| why.to_string())?;
    if time < Duration::from_secs(1) {
        return Err("at least 1s".to_owned());
    }
    Ok(time)
}

fn introduce(args: &Args, secrets: &Secrets) -> anyhow::Result<()> {
    let url = SocketAddrV4::new(WAN, args.port);
    say("")?;
    say(&format!("  Open http://{url}/"))?;
    say("")?;
    say(&format!(
        "  Anybody may watch; to change something log in at http://{url}/login as admin with {}",
        secrets.password
    ))?;
    say("  Enter pulls the plug on the representative (or use the button on the page);")?;
    say("  p and Enter plugs it in again, q and Enter ends the demo.")?;
    say("")
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("standard output is gone")
}

/// Keys come by lines: Enter alone, or a letter and Enter. When nobody is at the keyboard, nothing
/// comes.
fn listen_to_keys(wishes: mpsc::Sender<Wish>) {
    let listen = move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let wish = match line.trim() {
                "" => Wish::PullThePlug,
                "p" => Wish::PlugIn,
                "q" => Wish::Quit,
                _ => continue,
            };
            if wishes.blocking_send(wish).is_err() {
                return;
            }
        }
    };
    // A thread of its own: reading a keyboard cannot be given up, and must not keep the program
    // from ending.
    if let Err(why) = std::thread::Builder::new()
        .name("keys".to_owned())
        .spawn(listen)
    {
        tracing::warn!(%why, "the keys do nothing, the button on the page does");
    }
}

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
//! Everything but the router is the program as it runs at a site: each camera finds the router by
//! SSDP, asks for a port by SOAP, shows a test pattern. Only the leases are short, so that one sees
//! another take over while one still looks.

mod args;
mod control;
mod fleet;
mod folder;
mod net;
mod output;

use std::net::SocketAddrV4;
use std::time::Duration;

use actix::System;
use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;

pub use args::Args;
use control::DemoCommand;
use fleet::{DemoFleet, Secrets};
use net::{LoopbackNet, WAN};
use output::print_line;
use porthole_sim_router::{Event, SimRouter, SimRouterConfig};

/// How long the first camera may take to be reached before the URL is shown all the same.
const FIRST_CAMERA: Duration = Duration::from_secs(10);
/// How often the cameras are looked at.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

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
    let (commands, inbox) = mpsc::channel(8);
    let control = control::start(commands.clone()).context("the demo's own buttons")?;
    let router = SimRouter::start(SimRouterConfig {
        reported_external: WAN,
        ..SimRouterConfig::loopback(net.router(), WAN)
    })
    .context("the simulated router")?;
    let events = router.events();
    let secrets = Secrets::draw()?;
    let mut fleet = DemoFleet::start(args, &net, router.ssdp_address(), &control, &secrets)?;
    listen_to_keys(commands.clone());
    if let Some(time) = args.kill_after {
        kill_every(time, commands);
    }
    print_line(
        "Porthole demo: the router is SIMULATED, the cameras show a test pattern; \
         the rest is the real program.",
    )?;
    print_line(&match args.cameras {
        1 => "  1 camera, a process of its own, behind one router".to_owned(),
        many => format!("  {many} cameras, each a process of its own, behind one router"),
    })?;
    let ended = tokio::select! {
        ended = serve(args, &secrets, &router, &mut fleet, events, inbox) => ended,
        () = stop => Ok(()),
    };
    // Fails where the terminal is gone.
    let _ = print_line("Ending the cameras and the simulated router.");
    fleet.end().await;
    router.stop().await;
    ended
}

/// Resolves with the first signal that ends the program.
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

/// Executes commands and prints what happens, until told to quit.
async fn serve(
    args: &Args,
    secrets: &Secrets,
    router: &SimRouter,
    fleet: &mut DemoFleet,
    mut events: broadcast::Receiver<Event>,
    mut inbox: mpsc::Receiver<DemoCommand>,
) -> anyhow::Result<()> {
    let mut check = tokio::time::interval(CHECK_INTERVAL);
    let latest = tokio::time::Instant::now() + FIRST_CAMERA;
    let mut has_printed = false;
    loop {
        tokio::select! {
            command = inbox.recv() => match command {
                Some(DemoCommand::PullThePlug) => fleet.pull_the_plug(router)?,
                Some(DemoCommand::PlugIn) => fleet.plug_in()?,
                Some(DemoCommand::Quit) | None => return Ok(()),
            },
            event = events.recv() => match event {
                Ok(Event::Renewed(_)) | Err(RecvError::Lagged(_)) => {}
                Ok(event) => print_line(&format!("  router: {event}"))?,
                Err(RecvError::Closed) => return Ok(()),
            },
            _ = check.tick() => fleet.report_losses()?,
        }
        // Not before somebody answers there.
        let mapped = |port| {
            router
                .table()
                .iter()
                .any(|entry| entry.mapping.external_port.get() == port)
        };
        if !has_printed && (mapped(args.port) || tokio::time::Instant::now() > latest) {
            has_printed = true;
            print_instructions(args, secrets)?;
        }
    }
}

/// Pulls the plug again and again; the camera before is plugged in again, so that it can go on for
/// ever.
fn kill_every(time: Duration, commands: mpsc::Sender<DemoCommand>) {
    actix::spawn(async move {
        loop {
            tokio::time::sleep(time).await;
            for command in [DemoCommand::PlugIn, DemoCommand::PullThePlug] {
                if commands.send(command).await.is_err() {
                    return;
                }
            }
        }
    });
}

fn print_instructions(args: &Args, secrets: &Secrets) -> anyhow::Result<()> {
    let url = SocketAddrV4::new(WAN, args.port);
    print_line("")?;
    print_line(&format!("  Open http://{url}/"))?;
    print_line("")?;
    print_line(&format!(
        "  Anybody may watch; to change something log in at http://{url}/login as admin with {}",
        secrets.password
    ))?;
    print_line("  Enter pulls the plug on the representative (or use the button on the page);")?;
    print_line("  p and Enter plugs it in again, q and Enter ends the demo.")?;
    print_line("")
}

/// Keys come by lines: Enter alone, or a letter and Enter. When nobody is at the keyboard, nothing
/// comes.
fn listen_to_keys(commands: mpsc::Sender<DemoCommand>) {
    let listen = move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let command = match line.trim() {
                "" => DemoCommand::PullThePlug,
                "p" => DemoCommand::PlugIn,
                "q" => DemoCommand::Quit,
                _ => continue,
            };
            if commands.blocking_send(command).is_err() {
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

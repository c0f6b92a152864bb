//! `porthole demo`: a *simulated* router and real camera servers, each a process of its own, on loopback.
//!
//! | who | where |
//! |---|---|
//! | the Internet side of the simulated router | 127.0.0.1 |
//! | its LAN side | 127.0.0.2 |
//! | the cameras | 127.0.0.11, 127.0.0.12, … |
//!
//! Everything but the router is the program as it runs in a house: each camera finds the router by
//! SSDP, asks for a port by SOAP, shows a test pattern. Only the leases are short, so that one sees
//! another take over while one still looks.

mod control;
mod fleet;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use actix::System;
use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::sim::{SimConfig, SimRouter};
use fleet::DemoFleet;

const WAN: Ipv4Addr = Ipv4Addr::LOCALHOST;
const LAN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What the demo may be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many cameras.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=40))]
    cameras: u8,
    /// The fixed port on the simulated router's Internet side; the others follow it.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    port: u16,
    /// Pull the plug on the representative by itself after so long (for example "20s"), and again after as long.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    kill_after: Option<Duration>,
}

/// What somebody wants, by key or by button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    PullThePlug,
    PlugIn,
    Quit,
}

/// Runs until `q`, Ctrl-C or SIGTERM.
///
/// # Errors
/// When an address or port of loopback is taken, or a process cannot be started.
pub fn run(args: &Args) -> anyhow::Result<i32> {
    System::new().block_on(demo(args))?;
    Ok(0)
}

async fn demo(args: &Args) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (wishes, mut wished) = mpsc::channel(8);
    let control = control::start(wishes.clone()).context("the demo's own buttons")?;
    let router = SimRouter::start(SimConfig {
        reported_external: WAN,
        ..SimConfig::loopback(LAN, WAN)
    })
    .context("the simulated router")?;
    let mut fleet = DemoFleet::start(args, router.ssdp_address(), &control)?;
    listen_to_keys(wishes);
    introduce(args)?;

    let mut events = router.events();
    let mut next_kill = std::pin::pin!(tokio::time::sleep(args.kill_after.unwrap_or(Duration::MAX)));
    loop {
        tokio::select! {
            wish = wished.recv() => match wish {
                Some(Wish::PullThePlug) => fleet.pull_the_plug(&router)?,
                Some(Wish::PlugIn) => fleet.plug_in()?,
                Some(Wish::Quit) | None => break,
            },
            event = events.recv() => match event {
                Ok(crate::sim::Event::Renewed(_)) => {}
                Ok(event) => say(&format!("  router: {event}"))?,
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => break,
            },
            () = &mut next_kill => {
                fleet.pull_the_plug(&router)?;
                let again = args.kill_after.unwrap_or(Duration::MAX);
                next_kill.set(tokio::time::sleep(again));
            }
            _ = terminate.recv() => break,
            interrupted = tokio::signal::ctrl_c() => { interrupted?; break }
        }
    }
    say("Ending the cameras and the simulated router.")?;
    fleet.end().await;
    router.stop().await;
    Ok(())
}

fn introduce(args: &Args) -> anyhow::Result<()> {
    say("Porthole demo: the router is SIMULATED, the cameras show a test pattern; the rest is the real program.")?;
    say(&format!("  {} cameras, each a process of its own, behind one router", args.cameras))?;
    say("")?;
    say(&format!("  Open http://{}/", SocketAddrV4::new(WAN, args.port)))?;
    say("")?;
    say("  Enter pulls the plug on the representative (or use the button on the page);")?;
    say("  p plugs it in again, q ends the demo.")
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("standard output is gone")
}

/// Keys come by lines: Enter alone, or a letter and Enter. When nobody is at the keyboard, nothing comes.
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
    // A thread of its own: reading a keyboard cannot be given up, and must not keep the program from ending.
    if let Err(why) = std::thread::Builder::new().name("keys".to_owned()).spawn(listen) {
        tracing::warn!(%why, "the keys do nothing, the button on the page does");
    }
}

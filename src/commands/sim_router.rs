//! `porthole sim-router`: a simulated router in the foreground, its habits by flag, its table line
//! by line.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU32;

use actix::System;
use anyhow::Context as _;
use clap::ValueEnum;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use porthole_sim_router::{
    Access, AddForOther, Conflict, DeleteMissing, DeleteOfOther, Established, Event, Generation,
    Leases, Listing, Quirks, SimRouter, SimRouterConfig, WhenFull, named,
};

/// Simulate a router: UPnP on the LAN address, real TCP forwarding from the WAN address.
#[derive(Clone, Debug, clap::Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is given or not; they become enums in `quirks`"
)]
pub struct Args {
    /// The router's address on the LAN.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.2")]
    lan: Ipv4Addr,
    /// The address that mapped ports are opened on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    wan: Ipv4Addr,
    /// The external address that the router claims to have.
    #[arg(long, value_name = "ADDRESS", default_value = "60.120.76.64")]
    external: Ipv4Addr,
    /// Where searches are answered: the LAN address or a multicast group. Default: port 1900 of
    /// the LAN address.
    #[arg(long, value_name = "ADDRESS:PORT")]
    ssdp: Option<SocketAddrV4>,
    /// The port of the router's web server; 0 is a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    http_port: u16,
    /// A habit of the router; `list` shows them all. Given more than once, the habits combine.
    #[arg(long = "quirk", value_name = "NAME", value_parser = chosen)]
    quirks: Vec<Choice>,
    /// Be an IGD:1 with WANIPConnection:1: no list action, lease 0 is permanent.
    #[arg(long)]
    wanip1: bool,
    /// Let a host touch only the mappings to its own address.
    #[arg(long)]
    secure: bool,
    /// The code that secure mode refuses to delete another's mapping with.
    #[arg(long, value_name = "CODE", requires = "secure")]
    delete_of_other: Option<DeleteCode>,
    /// The code that secure mode refuses a mapping to another host's address with.
    #[arg(long, value_name = "CODE", requires = "secure")]
    add_for_other: Option<AddCode>,
    /// Refuse finite leases with 725.
    #[arg(long, conflicts_with = "lease_cap")]
    permanent_only: bool,
    /// Turn lease 0, and longer ones, into this many seconds.
    #[arg(long, value_name = "SECONDS")]
    lease_cap: Option<NonZeroU32>,
    /// Turn shorter leases into this many seconds.
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["lease_cap", "permanent_only"])]
    lease_floor: Option<NonZeroU32>,
    /// Refuse `GetListOfPortMappings`, as if there were none.
    #[arg(long)]
    no_list: bool,
    /// How many mappings fit in the table.
    #[arg(long, value_name = "N")]
    table_limit: Option<usize>,
    /// Say OK when the table is full, and store nothing.
    #[arg(long)]
    full_says_ok: bool,
    /// Overwrite another's mapping without a word.
    #[arg(long)]
    overwrite: bool,
    /// Say OK to a delete where nothing was mapped.
    #[arg(long)]
    delete_says_ok: bool,
    /// Cut the connections through a mapping that ends.
    #[arg(long)]
    cut: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DeleteCode {
    #[value(name = "606")]
    NotAuthorized,
    #[value(name = "714")]
    NoSuchEntry,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AddCode {
    #[value(name = "718")]
    Conflict,
    #[value(name = "606")]
    NotAuthorized,
}

/// What `--quirk` asks for.
#[derive(Clone, Debug)]
enum Choice {
    /// To show all quirks.
    List,
    /// To have the router do as this quirk says.
    Quirk(&'static named::NamedQuirk),
}

fn chosen(name: &str) -> Result<Choice, String> {
    if name == "list" {
        return Ok(Choice::List);
    }
    named::find(name)
        .map(Choice::Quirk)
        .ok_or_else(|| "no such quirk; `--quirk list` shows them all".to_owned())
}

impl Args {
    /// The habits by name, then those of the other options, which say more.
    fn quirks(&self) -> Quirks {
        let mut quirks = if self.wanip1 {
            Quirks::igd1()
        } else {
            Quirks::igd2()
        };
        for choice in &self.quirks {
            match choice {
                Choice::List => {}
                Choice::Quirk(quirk) => (quirk.set)(&mut quirks),
            }
        }
        if let Some(limit) = self.table_limit {
            quirks.table_limit = limit;
        }
        if let Some(code) = self.delete_of_other {
            quirks.delete_of_other = match code {
                DeleteCode::NotAuthorized => DeleteOfOther::NotAuthorized,
                DeleteCode::NoSuchEntry => DeleteOfOther::NoSuchEntry,
            };
        }
        if let Some(code) = self.add_for_other {
            quirks.add_for_other = match code {
                AddCode::Conflict => AddForOther::Conflict,
                AddCode::NotAuthorized => AddForOther::NotAuthorized,
            };
        }
        if self.secure {
            quirks.access = Access::Secure;
        }
        if self.permanent_only {
            quirks.leases = Leases::PermanentOnly;
        }
        if let Some(cap) = self.lease_cap {
            quirks.leases = Leases::Capped(cap);
        }
        if let Some(floor) = self.lease_floor {
            quirks.leases = Leases::AtLeast(floor);
        }
        if self.overwrite {
            quirks.conflict = Conflict::Overwrite;
        }
        if self.delete_says_ok {
            quirks.delete_missing = DeleteMissing::SayOk;
        }
        if self.full_says_ok {
            quirks.when_full = WhenFull::SayOk;
        }
        if self.no_list {
            quirks.listing = Listing::ByIndexOnly;
        }
        if self.cut {
            quirks.established = Established::Cut;
        }
        quirks
    }

    fn config(&self) -> SimRouterConfig {
        SimRouterConfig {
            reported_external: self.external,
            ssdp: self.ssdp.unwrap_or(SocketAddrV4::new(self.lan, 1900)),
            http_port: self.http_port,
            quirks: self.quirks(),
            ..SimRouterConfig::loopback(self.lan, self.wan)
        }
    }
}

/// Runs the router until Ctrl-C or SIGTERM and prints each change of its table. Renewals are not
/// printed. With `--quirk list` it prints the quirks instead.
///
/// # Errors
/// When an address or port cannot be had, or standard output is gone.
pub fn run(args: &Args) -> anyhow::Result<i32> {
    let lists = |choice: &Choice| matches!(choice, Choice::List);
    if args.quirks.iter().any(lists) {
        say(&all_quirks()).context("standard output is gone")?;
        return Ok(0);
    }
    System::new().block_on(simulate(args))?;
    Ok(0)
}

async fn simulate(args: &Args) -> anyhow::Result<()> {
    let config = args.config();
    let mut terminate =
        signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
    let router = SimRouter::start(config.clone())?;
    let mut events = router.events();
    introduce(&config, &router).context("standard output is gone")?;
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            interrupted = tokio::signal::ctrl_c() => {
                interrupted.context("Ctrl-C cannot be listened for")?;
                break;
            }
            _ = terminate.recv() => break,
        };
        let line = match event {
            Ok(Event::Renewed(_)) => continue,
            Ok(event) => event.to_string(),
            Err(RecvError::Lagged(missed)) => format!("({missed} changes came too fast to print)"),
            Err(RecvError::Closed) => break,
        };
        say(&line).context("standard output is gone")?;
    }
    router.stop().await;
    say("SIMULATED router stopped").context("standard output is gone")
}

/// A line for each quirk: its name, and what such a router does.
fn all_quirks() -> String {
    let width = named::QUIRKS
        .iter()
        .map(|quirk| quirk.name.len())
        .max()
        .unwrap_or_default();
    let lines: Vec<_> = named::QUIRKS
        .iter()
        .map(|quirk| format!("{:width$}  {}", quirk.name, quirk.what))
        .collect();
    lines.join("\n")
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Says in plain words what is simulated, and where.
fn introduce(config: &SimRouterConfig, router: &SimRouter) -> io::Result<()> {
    let SimRouterConfig {
        wan_address,
        reported_external,
        ..
    } = config;
    say(&format!(
        "SIMULATED router: searches on {}, web server on http://{}/rootDesc.xml",
        router.ssdp_address(),
        router.http_address()
    ))?;
    say(&format!(
        "  mapped TCP ports are opened on {wan_address}; \
         it says its external address is {reported_external}"
    ))?;
    for habit in habits(&config.quirks) {
        say(&format!("  {habit}"))?;
    }
    for quirk in named::in_force(&config.quirks) {
        say(&format!("  quirk {}: {}", quirk.name, quirk.what))?;
    }
    say("Ctrl-C stops it. Changes of its table:")
}

/// A line for each habit, the usual ones too, so that nobody has to know the defaults.
fn habits(quirks: &Quirks) -> Vec<String> {
    let generation = match quirks.generation {
        Generation::Igd1 => "IGD:1 with WANIPConnection:1",
        Generation::Igd2 => "IGD:2 with WANIPConnection:2",
    };
    let table = match quirks.listing {
        Listing::InOneRequest => "the table is read in one request or by index",
        Listing::ByIndexOnly => "the table is read by index only",
    };
    let access = match (quirks.access, quirks.add_for_other, quirks.delete_of_other) {
        (Access::Open, ..) => "any host may map and delete for any other".to_owned(),
        (Access::Secure, add, delete) => {
            let add = match add {
                AddForOther::Conflict => 718,
                AddForOther::NotAuthorized => 606,
            };
            let delete = match delete {
                DeleteOfOther::NotAuthorized => 606,
                DeleteOfOther::NoSuchEntry => 714,
            };
            format!(
                "secure mode: a host maps for itself only (else {add}) \
                 and deletes its own only (else {delete})"
            )
        }
    };
    let leases = match quirks.leases {
        Leases::AsAsked => "leases are granted as asked, 0 is permanent".to_owned(),
        Leases::Capped(cap) => format!("lease 0, and those over {cap} s, become {cap} s"),
        Leases::Fixed(lease) => format!("every lease becomes {lease} s"),
        Leases::AtLeast(floor) => {
            format!("leases under {floor} s become {floor} s, 0 is permanent")
        }
        Leases::NotBelow(least) => {
            format!("leases under {least} s are refused with 402, 0 is permanent")
        }
        Leases::PermanentOnly => {
            "permanent leases only: a finite one is refused with 725".to_owned()
        }
    };
    let conflict = match quirks.conflict {
        Conflict::Refuse => "a port that another host has is refused with 718",
        Conflict::Overwrite => "a port that another host has is overwritten without a word",
    };
    let missing = match quirks.delete_missing {
        DeleteMissing::Refuse => "a delete where nothing is mapped is refused with 714",
        DeleteMissing::SayOk => "a delete where nothing is mapped gets OK",
    };
    let full = match quirks.when_full {
        WhenFull::Refuse => "more are refused with 728",
        WhenFull::SayOk => "more get OK and are not stored",
    };
    let established = match quirks.established {
        Established::Keep => "connections outlive their mapping",
        Established::Cut => "connections are cut with their mapping",
    };
    vec![
        format!("{generation}; {table}"),
        access,
        leases,
        conflict.to_owned(),
        missing.to_owned(),
        format!("room for {} mappings; {full}", quirks.table_limit),
        established.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use porthole_sim_router::ClientText;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<SimRouterConfig, clap::Error> {
        let words = std::iter::once("sim-router").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.args.config())
    }

    #[test]
    fn without_flags_it_is_a_plain_igd_2_on_loopback() {
        let config = parse("").unwrap();
        assert_eq!(config.quirks, Quirks::igd2());
        assert_eq!(config.ssdp, "127.0.0.2:1900".parse().unwrap());
        assert_eq!(config.wan_address, Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn each_flag_sets_its_habit() {
        let config = parse(
            "--lan 127.0.0.3 --secure --delete-of-other 714 --add-for-other 606 \
             --permanent-only --no-list --table-limit 32 --full-says-ok --overwrite \
             --delete-says-ok --cut",
        )
        .unwrap();
        assert_eq!(config.ssdp, "127.0.0.3:1900".parse().unwrap());
        let expected = Quirks {
            generation: Generation::Igd2,
            access: Access::Secure,
            leases: Leases::PermanentOnly,
            conflict: Conflict::Overwrite,
            delete_missing: DeleteMissing::SayOk,
            delete_of_other: DeleteOfOther::NoSuchEntry,
            add_for_other: AddForOther::NotAuthorized,
            table_limit: 32,
            when_full: WhenFull::SayOk,
            listing: Listing::ByIndexOnly,
            established: Established::Cut,
            ..Quirks::igd2()
        };
        assert_eq!(config.quirks, expected);
    }

    #[test]
    fn quirks_are_chosen_by_name_and_combine_with_flags() {
        let config = parse("--quirk client-mac --quirk table-32 --table-limit 5 --overwrite");
        let expected = Quirks {
            client_text: ClientText::Mac,
            table_limit: 5,
            conflict: Conflict::Overwrite,
            ..Quirks::igd2()
        };
        assert_eq!(config.unwrap().quirks, expected);
        let refused = parse("--quirk clever").unwrap_err().to_string();
        assert!(refused.contains("--quirk list"), "{refused}");
    }

    #[test]
    fn the_list_has_each_quirk_with_what_it_does() {
        let cli = Cli::try_parse_from(["sim-router", "--quirk", "list"]).unwrap();
        assert!(matches!(cli.args.quirks[..], [Choice::List]));
        let text = all_quirks();
        assert_eq!(text.lines().count(), named::QUIRKS.len());
        for (line, quirk) in text.lines().zip(named::QUIRKS) {
            assert!(line.starts_with(quirk.name) && line.ends_with(quirk.what));
        }
    }

    #[test]
    fn an_igd_1_keeps_its_own_rules_unless_told_otherwise() {
        assert_eq!(parse("--wanip1").unwrap().quirks, Quirks::igd1());
        let capped = parse("--wanip1 --lease-cap 86400").unwrap().quirks;
        assert_eq!(
            capped.leases,
            Leases::Capped(NonZeroU32::new(86_400).unwrap())
        );
        let raised = parse("--lease-floor 86400").unwrap().quirks;
        assert_eq!(
            raised.leases,
            Leases::AtLeast(NonZeroU32::new(86_400).unwrap())
        );
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        assert!(parse("--permanent-only --lease-cap 60").is_err());
        assert!(parse("--lease-floor 60 --lease-cap 60").is_err());
        assert!(parse("--lease-cap 0").is_err());
        assert!(
            parse("--delete-of-other 714").is_err(),
            "only secure mode refuses"
        );
    }
}

//! Parse the command line, hand over.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use porthole::commands::{
    Cli, Command, demo, doctor, healthcheck, reset_passwords, run, sim_router,
};
use porthole::http::parse_errors::ParseErrorFilter;
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log();
    let outcome = match &cli.command {
        Command::Run(config) => run::run(config),
        Command::Demo(args) => demo::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Healthcheck(config) => healthcheck::run(config).map(|()| 0),
        Command::ResetPasswords(config) => reset_passwords::run(config),
        Command::SimRouter(args) => sim_router::run(args),
    };
    match outcome {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(why) => {
            eprintln!("porthole: {why:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs go to standard error: lines for people on a terminal, JSON for machines elsewhere.
/// `RUST_LOG` chooses what is logged.
fn log() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,mdns_sd=warn,actix_server=warn"));
    // Whoever asks for actix-http's own lines gets each of them.
    let asked = std::env::var("RUST_LOG").is_ok_and(|asked| asked.contains("actix_http"));
    let floods = (!asked).then_some(ParseErrorFilter);
    let filter = filter.and(floods);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = tracing_subscriber::registry();
    if std::io::stderr().is_terminal() {
        log.with(lines.with_filter(filter)).init();
    } else {
        let lines = lines.json().flatten_event(true);
        log.with(lines.with_filter(filter)).init();
    }
}

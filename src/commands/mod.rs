//! The command line: one file per sub-command.

mod config;
pub mod demo;
pub mod doctor;
pub mod healthcheck;
mod local_server;
pub mod reset_passwords;
pub mod run;
pub mod sim_router;

use clap::{Parser, Subcommand};

pub use config::Config;

/// Cameras behind one router, reached at one URL.
#[derive(Parser)]
#[command(name = "porthole", version, about)]
pub struct Cli {
    /// What the program is to do, with the options for it.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can be told to do, one variant for each sub-command.
#[derive(Subcommand)]
pub enum Command {
    /// Run one camera server.
    Run(Config),
    /// Show how it works: a simulated router and some cameras on this machine, at one URL.
    Demo(demo::Args),
    /// Say what router there is, what it lets us do, and what to do about it.
    Doctor(doctor::Args),
    /// Ask the server on this machine whether it is well (for containers): exit code 0 or 1.
    Healthcheck(Config),
    /// Let the passwords of the settings count again, where those set over HTTP are not known any
    /// more. The camera must not run.
    ResetPasswords(Config),
    /// Run a simulated router, for tests and demonstrations.
    SimRouter(sim_router::Args),
}

//! The options of `porthole demo`.

use std::time::Duration;

/// The options of `porthole demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many cameras.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=40))]
    pub(super) cameras: u8,
    /// The fixed port on the simulated router's Internet side; the others follow it.
    #[arg(
        long,
        default_value_t = 8080,
        value_parser = clap::value_parser!(u16).range(1024..=65_000)
    )]
    pub(super) port: u16,
    /// Pull the plug on the representative by itself every so often (for example "20s"), and plug
    /// the one before in again.
    #[arg(long, value_name = "TIME", value_parser = kill_time)]
    pub(super) kill_after: Option<Duration>,
}

/// A time that leaves another camera the chance to take over.
fn kill_time(text: &str) -> anyhow::Result<Duration> {
    let time = humantime::parse_duration(text)?;
    anyhow::ensure!(time >= Duration::from_secs(1), "at least 1s");
    Ok(time)
}

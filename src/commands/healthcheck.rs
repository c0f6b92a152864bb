//! `porthole healthcheck`: for the container's health check.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Config;

/// Longer than any answer of a healthy server takes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/healthz` of the server that these settings describe, on this machine.
///
/// # Errors
/// Why it is not well.
pub fn run(config: &Config) -> anyhow::Result<()> {
    let settings = config.load()?;
    let host = if settings.http.bind.is_unspecified() { Ipv4Addr::LOCALHOST } else { settings.http.bind };
    let url = format!("http://{host}:{}/healthz", settings.http.port);
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build().into();
    agent.get(&url).call().map_err(|why| anyhow::anyhow!("{url}: {why}"))?;
    Ok(())
}

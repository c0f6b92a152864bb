//! `porthole healthcheck`: for the container's health check.

use super::config::Config;
use super::local_server;
use crate::durable::StateFile;
use crate::settings::PortMode;
use porthole_types::ExternalPort;

/// Asks `/healthz` of the server that these settings describe, on this machine. In `common` mode
/// (Fig. 8A) it listens where the router's port leads to, which its state file knows. Through TLS
/// it takes any certificate: it wants to know whether the server lives, and tells it nothing.
///
/// # Errors
/// Each URL that was tried, with why it did not answer.
pub fn run(config: &Config) -> anyhow::Result<()> {
    let settings = config.load()?;
    let mapped = match settings.router.port_mode {
        PortMode::Separate => None,
        PortMode::Common => StateFile::new(&settings.node.data_dir).read(),
    };
    let mapped = mapped
        .and_then(|state| state.mapped_port)
        .map(ExternalPort::get);
    let agent = local_server::agent();
    let mut why = Vec::new();
    for port in mapped.into_iter().chain([settings.http.port.get()]) {
        let url = local_server::url(&settings, port, "/healthz");
        match agent.get(&url).call() {
            Ok(_) => return Ok(()),
            Err(error) => why.push(format!("{url}: {error}")),
        }
    }
    anyhow::bail!(why.join("; "))
}

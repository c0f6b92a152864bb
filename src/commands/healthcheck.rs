//! `porthole healthcheck`: for the container's health check.

use std::net::Ipv4Addr;
use std::time::Duration;

use ureq::tls::{TlsConfig, TlsProvider};

use super::config::Config;
use crate::durable::StateFile;
use crate::settings::{PortMode, Tls};
use crate::tls;
use porthole_types::ExternalPort;

/// Longer than a healthy server takes to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

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
    let host = match settings.http.bind {
        any if any.is_unspecified() => Ipv4Addr::LOCALHOST,
        one => one,
    };
    let scheme = match settings.http.tls {
        Tls::Off => "http",
        Tls::SelfSigned | Tls::Files { .. } => "https",
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .proxy(None)
        .tls_config(
            TlsConfig::builder()
                .provider(TlsProvider::Rustls)
                .unversioned_rustls_crypto_provider(tls::provider())
                .disable_verification(true)
                .build(),
        )
        .build()
        .into();
    let mut why = Vec::new();
    for port in mapped.into_iter().chain([settings.http.port.get()]) {
        let url = format!("{scheme}://{host}:{port}/healthz");
        match agent.get(&url).call() {
            Ok(_) => return Ok(()),
            Err(error) => why.push(format!("{url}: {error}")),
        }
    }
    anyhow::bail!(why.join("; "))
}

//! Asking the server that these settings describe, on this machine.

use std::net::Ipv4Addr;
use std::time::Duration;

use ureq::tls::{TlsConfig, TlsProvider};

use crate::settings::{Settings, Tls};
use crate::tls;

/// Longer than a healthy server takes to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A client that takes any certificate: it wants to know how the server is, and tells it nothing.
pub(super) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
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
        .into()
}

/// Where the server is, if it listens on this port.
pub(super) fn url(settings: &Settings, port: u16, path: &str) -> String {
    let host = match settings.http.bind {
        any if any.is_unspecified() => Ipv4Addr::LOCALHOST,
        one => one,
    };
    url_at(settings, host, port, path)
}

/// The same at this address.
pub(super) fn url_at(settings: &Settings, host: Ipv4Addr, port: u16, path: &str) -> String {
    let scheme = match settings.http.tls {
        Tls::Off => "http",
        Tls::SelfSigned | Tls::Files { .. } => "https",
    };
    format!("{scheme}://{host}:{port}{path}")
}

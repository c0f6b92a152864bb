//! TLS: which certificate this server presents, where it comes from, and how a person can recognise
//! it.
//!
//! | file | what |
//! |---|---|
//! | `certificate` | a certificate with its key, checked: what is wrong with it, when it expires |
//! | `fingerprint` | its SHA-256, as browsers show it |
//! | `self_signed` | the one that this program makes at its first start and keeps |
//! | `files` | the one in files, read anew when they change |
//!
//! The provider of the cryptography (ring) is named wherever it is needed; nothing is installed for
//! the whole process.

mod certificate;
mod error;
mod files;
mod fingerprint;
mod provider;
mod self_signed;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use rustls::ServerConfig;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use tracing::info;

pub use certificate::{Certificate, Flaw};
pub use error::TlsError;
pub use files::FileError;
pub use fingerprint::Fingerprint;
pub use provider::provider;

use crate::settings;
use files::Files;

/// TLS as a server speaks it.
pub struct Tls {
    source: CertificateSource,
    config: Arc<ServerConfig>,
}

/// Where the certificate comes from.
#[derive(Clone)]
enum CertificateSource {
    /// The one that this program made; the same until it ends.
    SelfSigned(Arc<Certificate>),
    /// In files that somebody else may replace.
    Files(Arc<Files>),
}

impl Tls {
    /// TLS as the settings want it; nothing where they want none. A self-signed certificate is
    /// kept in `data_dir` and made for `names` (host names and addresses), the first of which
    /// is this server's alone.
    ///
    /// # Errors
    /// Files that cannot be used, with the setting that names them; no randomness for a key.
    pub fn start(
        wanted: &settings::Tls,
        data_dir: &Path,
        names: &[String],
        now: SystemTime,
    ) -> Result<Option<Self>, TlsError> {
        let source = match wanted {
            settings::Tls::Off => return Ok(None),
            settings::Tls::SelfSigned => CertificateSource::SelfSigned(Arc::new(
                self_signed::load_or_make(data_dir, names, now)?,
            )),
            settings::Tls::Files { certificate, key } => {
                let files = Files::open(certificate.clone(), key.clone(), now, Instant::now())?;
                CertificateSource::Files(Arc::new(files))
            }
        };
        let tls = Self {
            config: Arc::new(config(source.resolver())?),
            source,
        };
        let shown = tls.certificate();
        info!(fingerprint = %shown.fingerprint, expires = %shown.expires(), "speaking TLS");
        Ok(Some(tls))
    }

    /// The configuration with which each connection is accepted.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The certificate that clients are presented now.
    pub fn certificate(&self) -> Arc<Certificate> {
        match &self.source {
            CertificateSource::SelfSigned(certificate) => Arc::clone(certificate),
            CertificateSource::Files(files) => files.current(),
        }
    }

    /// Whether the certificate is one that this program made, which no browser trusts by itself.
    pub fn is_self_signed(&self) -> bool {
        matches!(self.source, CertificateSource::SelfSigned(_))
    }
}

impl CertificateSource {
    fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        match self {
            Self::SelfSigned(certificate) => {
                Arc::new(SingleCertificate(Arc::clone(&certificate.key)))
            }
            Self::Files(files) => Arc::clone(files) as Arc<dyn ResolvesServerCert>,
        }
    }
}

/// One certificate for every name: a client that used another name gets a warning of its browser,
/// not a broken connection.
#[derive(Debug)]
struct SingleCertificate(Arc<CertifiedKey>);

impl ResolvesServerCert for SingleCertificate {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// TLS 1.2 and 1.3, and HTTP/1.1 on top: an MJPEG stream has nothing to gain from HTTP/2, whose
/// many streams on one connection would go around every limit that is counted in connections.
fn config(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificate that [`settings::Tls::SelfSigned`] has left in `data_dir`, without making one
/// where there is none.
pub fn load_self_signed(data_dir: &Path, now: SystemTime) -> Option<Certificate> {
    self_signed::load(data_dir, now).ok()
}

/// The certificate in the files of the settings, without a server that uses it.
///
/// # Errors
/// As [`Tls::start`].
pub fn check_files(
    certificate: &Path,
    key: &Path,
    now: SystemTime,
) -> Result<Certificate, FileError> {
    files::read(certificate, key, now)
}

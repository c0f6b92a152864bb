//! A certificate with its private key, checked before it is used.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::fingerprint::Fingerprint;
use super::provider::provider;

/// A certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    /// Chain and key as rustls takes them.
    pub(super) key: Arc<CertifiedKey>,
    /// By which a person recognises it.
    pub fingerprint: Fingerprint,
    /// The end of its validity: from then on browsers refuse it.
    pub expires_at: SystemTime,
    /// The host names in it.
    pub(super) names: Vec<String>,
}

/// Why a certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// No certificate in the file.
    #[error(
        "it holds no certificate in PEM (a block that begins with -----BEGIN CERTIFICATE-----)"
    )]
    NoCertificate,
    /// A certificate that cannot be read.
    #[error("it holds a certificate that cannot be read: {0}")]
    BadCertificate(String),
    /// It has ended.
    #[error("the certificate has expired on {}", humantime::format_rfc3339_seconds(*.0))]
    Expired(SystemTime),
    /// No key in the file.
    #[error(
        "it holds no private key in PEM that can be read (-----BEGIN PRIVATE KEY----- or the like; \
         one with a password cannot be)"
    )]
    NoKey,
    /// A key that cannot be used.
    #[error("it holds a private key that cannot be used: {0}")]
    BadKey(String),
    /// The two do not belong together.
    #[error("it is not the key of the certificate")]
    WrongKey,
}

impl Flaw {
    /// Whether the file with the key is wrong, not that with the certificate.
    pub(super) fn is_of_key(&self) -> bool {
        matches!(self, Self::NoKey | Self::BadKey(_) | Self::WrongKey)
    }
}

impl Certificate {
    /// From PEM: the certificate, followed by those between it and its root, and its key.
    ///
    /// One that is not valid *yet* is taken: a small computer's clock may be years behind until it
    /// has found the time.
    ///
    /// # Errors
    /// Everything for which clients could not connect, and an end that has passed.
    pub fn from_pem(certificates: &[u8], key: &[u8], now: SystemTime) -> Result<Self, Flaw> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, pem::Error>>()
            .map_err(|error| Flaw::BadCertificate(error.to_string()))?;
        let first = chain.first().ok_or(Flaw::NoCertificate)?;
        let fingerprint = Fingerprint::of(first);
        let (expires_at, names) = read(first)?;
        if expires_at <= now {
            return Err(Flaw::Expired(expires_at));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Flaw::NoKey)?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => Flaw::WrongKey,
            TlsError::InvalidCertificate(why) => Flaw::BadCertificate(format!("{why:?}")),
            other => Flaw::BadKey(other.to_string()),
        })?;
        Ok(Self {
            key: Arc::new(key),
            fingerprint,
            expires_at,
            names,
        })
    }

    /// When it expires, for a person (RFC 3339, to the second).
    pub fn expires(&self) -> String {
        humantime::format_rfc3339_seconds(self.expires_at).to_string()
    }
}

/// When a certificate expires, and the host names in it.
fn read(der: &[u8]) -> Result<(SystemTime, Vec<String>), Flaw> {
    let bad = |why: String| Flaw::BadCertificate(why);
    let (_, read) = X509Certificate::from_der(der).map_err(|error| bad(error.to_string()))?;
    let end = read.validity().not_after.timestamp();
    // A certificate that ended before 1970 has ended.
    let since_epoch = Duration::from_secs(u64::try_from(end).unwrap_or_default());
    let end = SystemTime::UNIX_EPOCH
        .checked_add(since_epoch)
        .ok_or_else(|| bad("its end is past all counting".to_owned()))?;
    let alternatives = read
        .subject_alternative_name()
        .map_err(|error| bad(error.to_string()))?;
    let names = alternatives
        .into_iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect();
    Ok((end, names))
}

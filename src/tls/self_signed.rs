//! The certificate that this server makes for itself at its first start, and keeps.
//!
//! Browsers in which a person has accepted it (or programs that pin its fingerprint) recognise the
//! camera by it, so it changes as seldom as possible: not with the address that DHCP assigns, nor
//! with a setting. It is
//! made anew only when it is gone, broken, ended, or another server's: a memory card that was
//! copied must not make two cameras share a key.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
};
use tracing::{info, warn};

use super::certificate::{Certificate, Flaw};
use super::error::TlsError;
use super::files;

/// The folder in the data directory.
const FOLDER: &str = "tls";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// How long it is valid. Nobody looks after a camera that works, and a certificate that must be
/// accepted by hand gains nothing from being accepted again; for short-lived ones there is
/// `http.tls = "files"`.
const VALIDITY: Duration = Duration::from_hours(10 * 365 * 24);

/// 2026-01-01, when no such certificate existed yet. A camera without a battery for its clock
/// begins in 1970; a certificate that counts from there would have ended before anybody saw it.
const EARLIEST: Duration = Duration::from_hours(490_896);

/// Why the certificate in the folder is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotLoaded {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("{0}")]
    Flawed(#[from] Flaw),
    #[error("it belongs to another server")]
    OtherServer,
}

/// The certificate that is kept; or a new one, kept from now on if the folder can be written to.
pub(super) fn load_or_make(
    data_dir: &Path,
    names: &[String],
    now: SystemTime,
) -> Result<Certificate, TlsError> {
    let folder = data_dir.join(FOLDER);
    let mine = |kept: Certificate| match names.first() {
        Some(name) if !kept.names.contains(name) => Err(NotLoaded::OtherServer),
        _ => Ok(kept),
    };
    match load(data_dir, now).and_then(mine) {
        Ok(kept) => return Ok(kept),
        Err(NotLoaded::Unreadable(why)) if why.kind() == io::ErrorKind::NotFound => {
            info!(folder = %folder.display(), "making a certificate");
        }
        Err(why) => warn!(
            folder = %folder.display(),
            "making a new certificate, which browsers must accept anew; the one that was there is \
             of no use: {why}"
        ),
    }
    let (certificate, key) = make(names, now)?;
    // The key first: a certificate whose key is not there would be taken for half a pair either
    // way.
    let written = porthole_durable::replace(&folder, KEY, key.as_bytes())
        .and_then(|()| porthole_durable::replace(&folder, CERTIFICATE, certificate.as_bytes()));
    if let Err(why) = written {
        warn!(
            folder = %folder.display(),
            "the certificate cannot be kept ({why}): there will be another one after each start"
        );
    }
    Ok(Certificate::from_pem(
        certificate.as_bytes(),
        key.as_bytes(),
        now,
    )?)
}

/// The certificate that is kept.
pub(super) fn load(data_dir: &Path, now: SystemTime) -> Result<Certificate, NotLoaded> {
    let read = |name: &str| {
        let mut bytes = Vec::new();
        File::open(data_dir.join(FOLDER).join(name))?
            .take(files::LIMIT)
            .read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    };
    let (certificate, key) = (read(CERTIFICATE)?, read(KEY)?);
    Ok(Certificate::from_pem(&certificate, &key, now)?)
}

/// A new certificate for these names and addresses, and its key: both in PEM.
fn make(names: &[String], now: SystemTime) -> Result<(String, String), rcgen::Error> {
    let start = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .max(EARLIEST);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    // From EARLIEST: a client's clock may be behind this one.
    params.not_before = epoch + EARLIEST;
    params.not_after = epoch + start + VALIDITY;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let shown = names.first().map_or("Porthole", String::as_str);
    params.distinguished_name.push(DnType::CommonName, shown);
    params.subject_alt_names = names
        .iter()
        .map(|name| {
            Ok(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            })
        })
        .collect::<Result<_, rcgen::Error>>()?;
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

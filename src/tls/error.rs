//! Why a server cannot speak TLS.

use super::certificate::Flaw;
use super::files::FileError;

/// Why there is no TLS although it is wanted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of the settings is of no use.
    #[error(transparent)]
    File(#[from] FileError),
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Making(#[from] rcgen::Error),
    /// What was made cannot be used.
    #[error("the certificate that was made is of no use: {0}")]
    Made(#[from] Flaw),
    /// The library refuses.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

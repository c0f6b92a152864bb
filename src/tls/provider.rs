//! Where the cryptography comes from.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography of all TLS connections: ring.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

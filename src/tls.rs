//! TLS towards dependencies: rustls on ring, trusting what the system trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// A client's configuration with the system's root certificates. `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` point elsewhere, for a private authority.
#[must_use]
pub fn client_config() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(cause = %error, "some root certificates cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    // Spelt out: the process has no default provider, and needs none.
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

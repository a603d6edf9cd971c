//! TLS towards dependencies: rustls on ring, trusting what the system trusts.

use std::sync::Arc;

pub use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

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
    of_roots(roots)
}

/// The same with the root certificates of a file in PEM, and no others.
///
/// # Errors
/// What is wrong with them.
pub fn trusting(pem: &[u8]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "it is not PEM")?;
        roots.add(certificate).map_err(|_| "a certificate in it cannot be read")?;
    }
    match roots.is_empty() {
        true => Err("there is no certificate in it".to_owned()),
        false => Ok(of_roots(roots)),
    }
}

fn of_roots(roots: RootCertStore) -> ClientConfig {
    // Spelt out: the process has no default provider, and needs none.
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

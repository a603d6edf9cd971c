//! TLS towards dependencies: rustls on ring, trusting what the system trusts.

use std::path::Path;
use std::sync::Arc;

pub use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// A client's configuration with the system's root certificates. `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` point elsewhere, for a private authority.
#[must_use]
pub fn client_config() -> ClientConfig {
    of_roots(system_roots())
}

/// The same, which trusts the authorities in this PEM file too.
///
/// # Errors
/// Why the file cannot be used.
pub fn client_config_with(ca_file: &Path) -> Result<ClientConfig, String> {
    let roots = std::fs::read(ca_file).map_err(|error| error.to_string()).and_then(|pem| add(system_roots(), &pem));
    roots.map(of_roots).map_err(|cause| format!("{}: {cause}", ca_file.display()))
}

/// A configuration that trusts these authorities, in PEM, and no others.
///
/// # Errors
/// What is wrong with them.
pub fn trusting(pem: &[u8]) -> Result<ClientConfig, String> {
    add(RootCertStore::empty(), pem).map(of_roots)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(cause = %error, "some root certificates cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    roots
}

fn add(mut roots: RootCertStore, pem: &[u8]) -> Result<RootCertStore, String> {
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| "it is not PEM")?;
        roots.add(certificate).map_err(|_| "a certificate in it cannot be read")?;
    }
    if roots.len() == before {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(roots)
}

fn of_roots(roots: RootCertStore) -> ClientConfig {
    // Spelt out: the process has no default provider, and needs none.
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

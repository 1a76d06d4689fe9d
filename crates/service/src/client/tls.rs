//! TLS of clients: certificates are always verified, and no option changes that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Reason why there are no trusted certificates.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file has no certificate.
    #[error("{path}: {reason}; name a PEM file with the certificates of your authorities")]
    File {
        /// File.
        path: PathBuf,
        /// Reason why it is refused.
        reason: String,
    },
    /// The machine has no certificates.
    #[error("this machine has no certificates of authorities; install them, or set `caFile`")]
    Missing,
}

/// Certificates of the authorities that a client trusts.
#[derive(Debug, Clone)]
pub struct TrustedRoots(RootCertStore);

impl TrustedRoots {
    /// Trusts the authorities that the machine trusts.
    ///
    /// # Errors
    /// The machine has none.
    pub fn of_machine() -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        match roots.is_empty() {
            true => Err(TlsError::Missing),
            false => Ok(Self(roots)),
        }
    }

    /// Trusts the authorities of a PEM file, and no others.
    ///
    /// # Errors
    /// The file can't be read, or has no valid certificate.
    pub fn of_file(path: &Path) -> Result<Self, TlsError> {
        let refused = |reason: String| TlsError::File {
            path: path.to_owned(),
            reason,
        };
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(path);
        for certificate in certificates.map_err(|error| refused(error.to_string()))? {
            let certificate = certificate.map_err(|error| refused(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| refused(error.to_string()))?;
        }
        match roots.is_empty() {
            true => Err(refused("it has no certificate".to_owned())),
            false => Ok(Self(roots)),
        }
    }

    /// Trusts nothing: for clients that never use TLS.
    pub fn none() -> Self {
        Self(RootCertStore::empty())
    }

    /// Returns the configuration of a client.
    pub(super) fn client_config(&self) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the cipher suites of TLS 1.2 and 1.3")
            .with_root_certificates(self.0.clone())
            .with_no_client_auth()
    }
}

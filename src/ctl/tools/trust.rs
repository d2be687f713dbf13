//! TLS on the way to a broker: whom it is taken from, and what is shown to it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::failure::{Failure, code};

/// Whom an `https://` address is taken from, and what is shown there.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Trust {
    /// Authorities in PEM; without a file, those of the system.
    pub authorities: Option<PathBuf>,
    /// A certificate of our own in PEM, and behind it what leads to its authority.
    pub certificate: Option<PathBuf>,
    /// Its key in PEM; without it, it stands in the same file.
    pub key: Option<PathBuf>,
    /// Whoever answers will do.
    pub anybody: bool,
}

pub(crate) const AUTHORITIES: &str = "tls-ca-cert-file";
pub(crate) const CERTIFICATE: &str = "tls-cert-file";
pub(crate) const KEY: &str = "tls-key-file";
pub(crate) const ANYBODY: &str = "insecure";

impl Trust {
    /// Makes TLS connections.
    pub(crate) fn connector(&self) -> Result<TlsConnector, Failure> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(wrong)?;
        let builder = builder.dangerous();
        let builder = builder.with_custom_certificate_verifier(self.verifier(provider)?);
        let config = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let chain = certificates(CERTIFICATE, path)?;
                let key = self.key.as_ref().map_or((CERTIFICATE, path), |key| (KEY, key));
                let unreadable = |error| unreadable(key.0, key.1, &error);
                let key = PrivateKeyDer::from_pem_file(key.1).map_err(unreadable)?;
                builder.with_client_auth_cert(chain, key).map_err(wrong)?
            }
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }

    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
        if self.anybody {
            return Ok(Arc::new(Anybody(provider)));
        }
        let mut roots = RootCertStore::empty();
        let (good, _) = match &self.authorities {
            Some(path) => roots.add_parsable_certificates(certificates(AUTHORITIES, path)?),
            // What cannot be read of them is missed when a certificate is looked at.
            None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        };
        if good == 0 {
            let text = format!(
                "Error: there is no authority to check the broker's certificate with: name one with \
                 --{AUTHORITIES}"
            );
            return Err(Failure::plain(code::CONFIG, text));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().map_err(wrong)?;
        Ok(verifier)
    }
}

fn certificates(flag: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| unreadable(flag, path, &error))?;
    if all.is_empty() {
        let path = path.display();
        let text = format!("Error: --{flag} {path}: the file holds no certificate in PEM");
        return Err(Failure::plain(code::CONFIG, text));
    }
    Ok(all)
}

fn unreadable(flag: &str, path: &Path, error: &dyn fmt::Display) -> Failure {
    let path = path.display();
    Failure::plain(code::CONFIG, format!("Error: --{flag} {path}: {error}"))
}

fn wrong(error: impl fmt::Display) -> Failure {
    Failure::plain(code::CONFIG, format!("Error: TLS cannot be set up: {error}"))
}

/// What to do about a certificate that is not taken.
pub(crate) fn hint(error: &str) -> &'static str {
    if error.contains("UnknownIssuer") {
        "; name the authority that signed it with --tls-ca-cert-file"
    } else if error.contains("not valid for name") {
        "; use the name that the certificate has"
    } else if error.contains("CertificateRequired") {
        "; show a certificate with --tls-cert-file and --tls-key-file"
    } else {
        ""
    }
}

/// Takes every certificate. Who asked for that reads and is read by whoever sits in between.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

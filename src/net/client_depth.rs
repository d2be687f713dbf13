//! How long the chain of a client certificate may be. `ssl_options.depth`.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Shows the verifier behind it only so many intermediate certificates as there may be: a chain that
/// needs more then has no way to an authority.
#[derive(Debug)]
pub(super) struct ClientDepth {
    inner: Arc<dyn ClientCertVerifier>,
    intermediates_max: usize,
}

impl ClientDepth {
    pub(super) fn new(inner: Arc<dyn ClientCertVerifier>, intermediates_max: usize) -> Self {
        Self { inner, intermediates_max }
    }
}

impl ClientCertVerifier for ClientDepth {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let shown = intermediates.get(..self.intermediates_max).unwrap_or(intermediates);
        self.inner.verify_client_cert(end_entity, shown, now)
    }

    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

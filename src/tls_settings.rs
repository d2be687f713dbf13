//! TLS as the settings ask for it: of the listeners of AMQP, of the management API, and of the metrics.

use std::path::PathBuf;

use crate::config::{CertLoginFrom, CertSanType, HttpTls, Settings, TlsVersion, TransportSettings};
use crate::net::{ClientCertificates, LoginFrom, SanKind, Tls, TlsError, TlsSettings, TlsVersions};

/// Why a listener has no TLS. Shown as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsSettingsError {
    #[error(
        "a listener with TLS needs a certificate: set {keys}.certfile and {keys}.keyfile, or take \
         {listeners} away"
    )]
    NoCertificate { keys: &'static str, listeners: &'static str },
    #[error(
        "{keys}.fail_if_no_peer_cert = true asks for client certificates, and {keys}.verify = \
         verify_none does not look at them: set {keys}.verify = verify_peer"
    )]
    NobodyLooks { keys: &'static str },
    #[error(
        "{keys}.versions leaves no version that is spoken: write tlsv1.3 or tlsv1.2, or take the \
         key away for both"
    )]
    NoVersion { keys: &'static str },
    #[error("{0}")]
    Files(#[from] TlsError),
}

/// What all have keys for.
struct Asked<'a> {
    keys: &'static str,
    listeners: &'static str,
    certificate: Option<&'a PathBuf>,
    key: Option<&'a PathBuf>,
    authorities: Option<&'a PathBuf>,
    /// `verify`, `fail_if_no_peer_cert`.
    clients: (bool, bool),
    depth: u8,
    versions: &'a [TlsVersion],
}

/// Of the listeners of AMQP.
///
/// # Errors
/// [`TlsSettingsError`].
pub(crate) fn of_amqp(settings: &Settings) -> Result<Tls, TlsSettingsError> {
    let transport = &settings.transport;
    let asked = Asked {
        keys: "ssl_options",
        listeners: "listeners.ssl.* and --tls-port",
        certificate: transport.certfile.as_ref(),
        key: transport.keyfile.as_ref(),
        authorities: transport.cacertfile.as_ref(),
        clients: (transport.verify_peer, transport.fail_if_no_peer_cert),
        depth: transport.depth,
        versions: &transport.tls_versions,
    };
    load(&asked, transport)
}

/// Of the management API.
///
/// # Errors
/// [`TlsSettingsError`].
pub(crate) fn of_management(settings: &Settings, tls: &HttpTls) -> Result<Tls, TlsSettingsError> {
    of_http(settings, tls, "management.ssl", "management.ssl.port")
}

/// Of the metrics.
///
/// # Errors
/// [`TlsSettingsError`].
pub(crate) fn of_metrics(settings: &Settings, tls: &HttpTls) -> Result<Tls, TlsSettingsError> {
    of_http(settings, tls, "prometheus.ssl", "prometheus.ssl.port")
}

fn of_http(
    settings: &Settings,
    tls: &HttpTls,
    keys: &'static str,
    listeners: &'static str,
) -> Result<Tls, TlsSettingsError> {
    let asked = Asked {
        keys,
        listeners,
        certificate: tls.certificate.as_ref(),
        key: tls.key.as_ref(),
        authorities: tls.authorities.as_ref(),
        clients: (tls.verify_peer, tls.fail_if_no_peer_cert),
        depth: tls.depth,
        versions: &tls.versions,
    };
    load(&asked, &settings.transport)
}

fn load(asked: &Asked<'_>, transport: &TransportSettings) -> Result<Tls, TlsSettingsError> {
    let Asked { keys, listeners, .. } = *asked;
    let certfile = asked.certificate.cloned();
    let certfile = certfile.ok_or(TlsSettingsError::NoCertificate { keys, listeners })?;
    let clients = match asked.clients {
        (true, true) => ClientCertificates::Required,
        (true, false) => ClientCertificates::Optional,
        (false, false) => ClientCertificates::NotAsked,
        (false, true) => return Err(TlsSettingsError::NobodyLooks { keys }),
    };
    Ok(Tls::load(TlsSettings {
        keys,
        keyfile: asked.key.unwrap_or(&certfile).clone(),
        certfile,
        cacertfile: asked.authorities.cloned(),
        clients,
        depth: usize::from(asked.depth),
        versions: versions(keys, asked.versions)?,
        handshake_timeout_ms: transport.tls_handshake_timeout_ms,
        login_from: login_from(transport),
    })?)
}

fn login_from(transport: &TransportSettings) -> LoginFrom {
    match transport.cert_login_from {
        CertLoginFrom::DistinguishedName => LoginFrom::DistinguishedName,
        CertLoginFrom::CommonName => LoginFrom::CommonName,
        CertLoginFrom::SubjectAlternativeName => LoginFrom::SubjectAlternativeName {
            kind: match transport.cert_login_san_type {
                CertSanType::Dns => SanKind::Dns,
                CertSanType::Ip => SanKind::Ip,
                CertSanType::Email => SanKind::Email,
                CertSanType::Uri => SanKind::Uri,
            },
            index: usize::from(transport.cert_login_san_index),
        },
    }
}

fn versions(keys: &'static str, chosen: &[TlsVersion]) -> Result<TlsVersions, TlsSettingsError> {
    let has = |version| chosen.contains(&version);
    if has(TlsVersion::Older) {
        tracing::warn!("{keys}.versions names tlsv1.1 or tlsv1, which are not spoken");
    }
    match (has(TlsVersion::Tls12), has(TlsVersion::Tls13)) {
        (true, true) => Ok(TlsVersions::Both),
        (true, false) => Ok(TlsVersions::Tls12),
        (false, true) => Ok(TlsVersions::Tls13),
        (false, false) if chosen.is_empty() => Ok(TlsVersions::Both),
        (false, false) => Err(TlsSettingsError::NoVersion { keys }),
    }
}

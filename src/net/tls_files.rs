//! Certificates and keys from their files, and the rules of TLS made of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::certificate::{issuer_and_subject, subject_and_end};
use super::client_depth::ClientDepth;
use super::tls::{ClientCertificates, TlsSettings, TlsVersions};

/// Why there is no TLS. Names the file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{key} = {}: {error}: name a file in PEM that the broker may read", path.display())]
    Unreadable {
        /// The key of the configuration that names it.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: pem::Error,
    },
    /// A file holds no certificate or no key.
    #[error("{key} = {}: the file holds no {wanted} in PEM: {hint}", path.display())]
    Empty {
        /// The key of the configuration that names it.
        key: String,
        /// The file.
        path: PathBuf,
        /// What should be in it.
        wanted: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A certificate that cannot be used.
    #[error("{key} = {}: {error}", path.display())]
    Unusable {
        /// The key of the configuration that names it.
        key: String,
        /// The file.
        path: PathBuf,
        /// What TLS says of it.
        error: String,
    },
    /// Clients are to be checked against nothing.
    #[error(
        "{keys}.verify = verify_peer needs {keys}.cacertfile: the authorities whose client \
         certificates are good"
    )]
    NoAuthorities {
        /// What the keys begin with.
        keys: &'static str,
    },
}

/// Everything that is needed for a handshake, read anew.
pub(super) fn read(settings: &TlsSettings) -> Result<Arc<ServerConfig>, TlsError> {
    let authorities = match &settings.cacertfile {
        Some(path) => certificates(settings.key(CACERTFILE), path)?,
        None => Vec::new(),
    };
    let mut chain = certificates(settings.key(CERTFILE), &settings.certfile)?;
    complete(&mut chain, &authorities);
    let Some((subject, ends)) = subject_and_end(&chain[0]) else {
        let (path, error) = (settings.certfile.clone(), "it holds no X.509 certificate".to_owned());
        return Err(TlsError::Unusable { key: settings.key(CERTFILE), path, error });
    };
    tracing::info!(certificate = %settings.certfile.display(), subject, ends, "TLS certificate read");
    let key = private_key(settings.key(KEYFILE), &settings.keyfile)?;
    // Named here, so that another provider somewhere in the tree can never be picked.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |key, path: &Path, error: &rustls::Error| TlsError::Unusable {
        key: settings.key(key),
        path: path.to_owned(),
        error: error.to_string(),
    };
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| unusable(KEYFILE, &settings.keyfile, &error))?;
    let own = CertifiedKey::new(chain, key);
    belong_together(&own, settings)?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(settings.versions))
        .map_err(|error| unusable(CERTFILE, &settings.certfile, &error))?;
    let builder = match settings.clients {
        ClientCertificates::NotAsked => builder.with_no_client_auth(),
        ClientCertificates::Optional | ClientCertificates::Required => {
            builder.with_client_cert_verifier(verifier(settings, &authorities, provider)?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    if settings.clients != ClientCertificates::NotAsked {
        // A resumed session would skip the look at the client's certificate, which may have ended since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

/// A key of another certificate would fail each handshake.
fn belong_together(own: &CertifiedKey, settings: &TlsSettings) -> Result<(), TlsError> {
    match own.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::Unusable {
            key: settings.key(CERTFILE),
            path: settings.certfile.clone(),
            error: format!(
                "the key in {} belongs to another certificate",
                settings.keyfile.display()
            ),
        }),
        // Of version 1, mostly, as `openssl x509 -req` makes them. Whether it will do is up to clients.
        Err(error) => {
            let certificate = settings.certfile.display();
            tracing::warn!(certificate = %certificate, error = %error, "TLS certificate that strict clients may refuse");
            Ok(())
        }
    }
}

/// Who looks at client certificates.
fn verifier(
    settings: &TlsSettings,
    authorities: &[CertificateDer<'static>],
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(path) = &settings.cacertfile else {
        return Err(TlsError::NoAuthorities { keys: settings.keys });
    };
    let unusable = |error: String| TlsError::Unusable {
        key: settings.key(CACERTFILE),
        path: path.clone(),
        error,
    };
    let mut roots = RootCertStore::empty();
    let (_, unparsable) = roots.add_parsable_certificates(authorities.iter().cloned());
    if unparsable > 0 {
        tracing::warn!(file = %path.display(), certificates = unparsable, "authorities that cannot be used");
    }
    if roots.is_empty() {
        return Err(unusable("none of its certificates can be used as an authority".to_owned()));
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match settings.clients {
        ClientCertificates::Required => builder,
        ClientCertificates::NotAsked | ClientCertificates::Optional => {
            builder.allow_unauthenticated()
        }
    };
    let inner = builder.build().map_err(|error| unusable(error.to_string()))?;
    Ok(Arc::new(ClientDepth::new(inner, settings.depth)))
}

fn versions(spoken: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
    match spoken {
        TlsVersions::Both => BOTH,
        TlsVersions::Tls13 => &BOTH[..1],
        TlsVersions::Tls12 => &BOTH[1..],
    }
}

/// Intermediate certificates may stand in `cacertfile`, as for RabbitMQ: they are sent as well. The
/// authority at the end is not, since every client has its own copy.
fn complete(chain: &mut Vec<CertificateDer<'static>>, authorities: &[CertificateDer<'static>]) {
    let names: Vec<_> = authorities.iter().map(|der| issuer_and_subject(der)).collect();
    while chain.len() <= authorities.len() {
        let Some((issuer, _)) = chain.last().and_then(|last| issuer_and_subject(last)) else {
            return;
        };
        let next = names.iter().position(|names| {
            names.as_ref().is_some_and(|(of, subject)| *subject == issuer && of != subject)
        });
        let Some(next) = next else { return };
        if chain.contains(&authorities[next]) {
            return;
        }
        chain.push(authorities[next].clone());
    }
}

fn certificates(key: String, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable =
        |error| TlsError::Unreadable { key: key.clone(), path: path.to_owned(), error };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    if found.is_empty() {
        let hint = "it needs a block that begins with BEGIN CERTIFICATE";
        return Err(TlsError::Empty { key, path: path.to_owned(), wanted: "certificate", hint });
    }
    Ok(found)
}

fn private_key(key: String, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            let encrypted =
                std::fs::read_to_string(path).is_ok_and(|text| text.contains("ENCRYPTED"));
            let hint = if encrypted {
                "it is encrypted, and keys with a password are not read: write it without one \
                 (openssl pkey -in KEY -out PLAIN) and let only the broker read that file"
            } else {
                "it needs a block that begins with BEGIN PRIVATE KEY"
            };
            TlsError::Empty { key, path: path.to_owned(), wanted: "private key", hint }
        }
        error => TlsError::Unreadable { key, path: path.to_owned(), error },
    })
}

impl TlsSettings {
    /// The whole name of a key of the configuration.
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.keys)
    }
}

const CERTFILE: &str = "certfile";
const KEYFILE: &str = "keyfile";
const CACERTFILE: &str = "cacertfile";

#[cfg(test)]
mod tests {
    use super::super::certificate::LoginFrom;
    use super::*;

    /// What these two files come to, without the look at clients.
    fn read_pair(certificate: &str, key: &str) -> Result<Arc<ServerConfig>, TlsError> {
        let folder = tempfile::tempdir().expect("a folder");
        let [certfile, keyfile] = ["server.pem", "server.key"].map(|name| folder.path().join(name));
        std::fs::write(&certfile, certificate).expect("a file");
        std::fs::write(&keyfile, key).expect("a file");
        read(&TlsSettings {
            keys: "ssl_options",
            certfile,
            keyfile,
            cacertfile: None,
            clients: ClientCertificates::NotAsked,
            depth: 10,
            versions: TlsVersions::Both,
            handshake_timeout_ms: 1,
            login_from: LoginFrom::DistinguishedName,
        })
    }

    fn a_key() -> String {
        rcgen::KeyPair::generate().expect("a key").serialize_pem()
    }

    /// RabbitMQ takes them; the library cannot compare one with its key.
    #[test]
    fn a_certificate_of_version_1_will_do() {
        assert!(read_pair(VERSION_1, &a_key()).is_ok());
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let refused = read_pair(garbage, &a_key()).expect_err("garbage").to_string();
        assert!(refused.ends_with("server.pem: it holds no X.509 certificate"), "{refused}");
    }

    const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBGDCBvwIUBaaQSweHSDm9eyHb5zUICFy2EGowCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCQ0EwHhcNMjYxMTIxMTc1OTIzWhcNMjYxMTIzMTc1OTIzWjARMQ8wDQYD
VQQDDAZzZXJ2ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATgWIY5qeOeP3R9
i3Nw1mABpJdDM5//My6yCY4rIsWsF/JXKBRuGXRrMv/OPCDbdYVu52yttbyrXt6C
taXKCttnMAoGCCqGSM49BAMCA0gAMEUCIQD5W6d5QcQ85BfDeFYYwlnFtfqEdAT0
4pgHGzkdNQ1GOQIgMg7Ws9zuw0VTcnK+uP5TMA4wJeQW6eJtHibpOZPS/j0=
-----END CERTIFICATE-----
";
}

//! TLS at the listening end: certificates that can be exchanged while connections live, and handshakes
//! within bounds.
//!
//! Whoever accepts a socket (AMQP, HTTPS) calls [`Tls::accept`] with it. A connection keeps the certificate
//! it was made with; after [`Tls::reload`] new ones get the new.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Duration, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::caller::Certified;
use super::certificate::{LoginFrom, login_name};
use super::tls_files::{self, TlsError};
use crate::base::limits::{TLS_BUFFER_BYTES_MAX, TLS_HANDSHAKES_MAX};

/// A TLS connection over a TCP socket.
pub type TlsConnection = TlsStream<TcpStream>;

/// The files and rules of TLS. `ssl_options.*`, `management.ssl.*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsSettings {
    /// What the keys of the configuration begin with (`ssl_options`), for errors that name one.
    pub keys: &'static str,
    /// The server's certificate in PEM, and behind it what leads to the authority.
    pub certfile: PathBuf,
    /// Its private key in PEM.
    pub keyfile: PathBuf,
    /// Authorities in PEM: they vouch for clients, and complete the server's own chain.
    pub cacertfile: Option<PathBuf>,
    /// Whether clients are asked for a certificate.
    pub clients: ClientCertificates,
    /// Intermediate certificates between a client's and the authority, at most.
    pub depth: usize,
    /// The versions that are spoken.
    pub versions: TlsVersions,
    /// How long a handshake may take, in ms.
    pub handshake_timeout_ms: u64,
    /// Where in a client's certificate the name of its user stands.
    pub login_from: LoginFrom,
}

/// Whether clients are asked for a certificate. One that comes must be good in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientCertificates {
    /// They are not asked. `verify_none`.
    NotAsked,
    /// They may come without. `verify_peer`.
    Optional,
    /// They must have one. `verify_peer` and `fail_if_no_peer_cert`.
    Required,
}

/// The versions of TLS that are spoken; at least one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    Both,
    /// 1.2 alone.
    Tls12,
    /// 1.3 alone.
    Tls13,
}

/// See the module.
pub struct Tls {
    settings: TlsSettings,
    current: RwLock<Arc<rustls::ServerConfig>>,
    handshakes: Semaphore,
}

/// Why a connection was not made.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// It was closed before anything was said: a health check, mostly.
    #[error("the peer closed the connection before it said anything")]
    Silent,
    /// The first byte is none of TLS.
    #[error("{0}")]
    NotTls(&'static str),
    /// Too slow.
    #[error("the TLS handshake took longer than {ms} ms (ssl_handshake_timeout)")]
    TimedOut {
        /// What it may take.
        ms: u64,
    },
    /// Too many at a time.
    #[error("{TLS_HANDSHAKES_MAX} other TLS handshakes did not end within {ms} ms")]
    Busy {
        /// How long it waited.
        ms: u64,
    },
    /// What TLS says.
    #[error("TLS handshake failed: {0}")]
    Failed(io::Error),
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] names the file, what is wrong and what to do.
    pub fn load(settings: TlsSettings) -> Result<Self, TlsError> {
        let current = RwLock::new(tls_files::read(&settings)?);
        Ok(Self { settings, current, handshakes: Semaphore::new(TLS_HANDSHAKES_MAX) })
    }

    /// Reads the files again; connections from now on get what is in them. Blocks on the disk.
    ///
    /// # Errors
    /// As [`Self::load`]; then everything stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = tls_files::read(&self.settings)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Makes a TLS connection of a socket that was accepted.
    ///
    /// # Errors
    /// [`HandshakeError`], for one log line; the socket is closed.
    pub async fn accept(&self, stream: TcpStream) -> Result<TlsConnection, HandshakeError> {
        let ms = self.settings.handshake_timeout_ms;
        let patience = Duration::from_millis(ms);
        let turn = timeout(patience, self.handshakes.acquire()).await;
        // The semaphore is never closed.
        let _turn = turn.map_err(|_| HandshakeError::Busy { ms })?;
        let handshake = timeout(patience, self.handshake(stream)).await;
        handshake.map_err(|_| HandshakeError::TimedOut { ms })?
    }

    async fn handshake(&self, stream: TcpStream) -> Result<TlsConnection, HandshakeError> {
        let mut first = [0; 4];
        let there = stream.peek(&mut first).await.map_err(HandshakeError::Failed)?;
        if there == 0 {
            return Err(HandshakeError::Silent);
        }
        if let Some(what) = not_tls(&first[..there]) {
            return Err(HandshakeError::NotTls(what));
        }
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let bounded = |connection: &mut rustls::ServerConnection| {
            connection.set_buffer_limit(Some(TLS_BUFFER_BYTES_MAX));
        };
        let accepted = TlsAcceptor::from(current).accept_with(stream, bounded).await;
        accepted.map_err(HandshakeError::Failed)
    }

    /// What the keys of the configuration begin with that name its files.
    #[must_use]
    pub fn keys(&self) -> &'static str {
        self.settings.keys
    }

    /// What a connection's certificate says of its user.
    pub(super) fn certified(&self, connection: &TlsConnection) -> Certified {
        let certificates = connection.get_ref().1.peer_certificates();
        match certificates.and_then(|chain| chain.first()) {
            None => Certified::NoCertificate,
            Some(own) => {
                login_name(own, self.settings.login_from).map_or(Certified::NoName, Certified::Name)
            }
        }
    }
}

/// What a connection is that does not begin like TLS, by the bytes that came first.
fn not_tls(first: &[u8]) -> Option<&'static str> {
    match first {
        [TLS_HANDSHAKE, ..] => None,
        [b'A', ..] if b"AMQP".starts_with(first) => Some(
            "the client speaks AMQP without TLS on a port for TLS: turn TLS on in the client, or use the \
             other port",
        ),
        _ if b"PROX".starts_with(first) || b"\r\n\r\n".starts_with(first) => {
            Some("a PROXY protocol header on a listener without proxy_protocol = true")
        }
        _ => Some("the client does not speak TLS on a port for TLS"),
    }
}

/// What the first byte of a TLS connection is: the content type of a handshake record.
const TLS_HANDSHAKE: u8 = 22;

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// TLS with a certificate that nobody trusts and a handshake that may take no time.
    fn hasty(handshakes: usize) -> Tls {
        let folder = tempfile::tempdir().expect("a folder");
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let both = folder.path().join("both.pem");
        let text = certificate.pem() + &key.serialize_pem();
        std::fs::write(&both, text).expect("a file");
        let tls = Tls::load(TlsSettings {
            keys: "ssl_options",
            certfile: both.clone(),
            keyfile: both,
            cacertfile: None,
            clients: ClientCertificates::NotAsked,
            depth: 10,
            versions: TlsVersions::Both,
            handshake_timeout_ms: 1,
            login_from: LoginFrom::DistinguishedName,
        });
        Tls { handshakes: Semaphore::new(handshakes), ..tls.expect("good files") }
    }

    /// Both ends of a connection on which nothing is said.
    async fn silence() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let client = TcpStream::connect(listener.local_addr().expect("bound"));
        let (client, accepted) = tokio::join!(client, listener.accept());
        (client.expect("somebody listens"), accepted.expect("somebody connects").0)
    }

    #[tokio::test]
    async fn a_handshake_waits_for_its_turn_and_not_for_ever() {
        let (_client, stream) = silence().await;
        let refused = hasty(0).accept(stream).await.expect_err("all turns are taken");
        assert!(matches!(refused, HandshakeError::Busy { ms: 1 }), "{refused}");
    }

    #[tokio::test]
    async fn a_handshake_that_failed_gives_its_turn_back() {
        let tls = hasty(1);
        for _ in 0..3 {
            let (_client, stream) = silence().await;
            let refused = tls.accept(stream).await.expect_err("nothing is said");
            assert!(matches!(refused, HandshakeError::TimedOut { ms: 1 }), "{refused}");
        }
    }

    #[test]
    fn what_is_no_tls_is_named_by_its_first_bytes() {
        let named =
            |first: &[u8], what: &str| not_tls(first).is_some_and(|text| text.contains(what));
        assert_eq!(not_tls(b"\x16\x03\x01\x02"), None);
        assert_eq!(not_tls(b"\x16"), None);
        assert!(named(b"AMQP", "AMQP without TLS") && named(b"A", "AMQP without TLS"));
        assert!(named(b"PROX", "PROXY") && named(b"\r\n\r\n", "PROXY"));
        for other in [&b"GET "[..], b"AMQX", b"\0", b"\r\nHi"] {
            assert!(named(other, "does not speak TLS"), "{other:?}");
        }
    }
}

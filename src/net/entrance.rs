//! What comes before AMQP on a TCP connection: a proxy's header, the TLS handshake.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use super::caller::{Caller, CallerAddress};
use super::proxy_protocol::{self, ProxiedFrom, ProxyError};
use super::tls::{HandshakeError, Tls, TlsConnection};
use super::tls_info;
use crate::base::limits::PROXY_HEADER_TIMEOUT_MS;

/// What every connection of one listener goes through.
#[derive(Clone, Default)]
pub(super) struct Entrance {
    pub(super) proxy_protocol: bool,
    pub(super) tls: Option<Arc<Tls>>,
}

/// A connection that is through, and who is at its other end.
pub(super) struct Entered {
    pub(super) stream: EnteredStream,
    pub(super) caller: Caller,
}

/// What AMQP is spoken over.
pub(super) enum EnteredStream {
    Plain(TcpStream),
    Tls(Box<TlsConnection>),
}

/// Why a connection is not let in.
#[derive(Debug, thiserror::Error)]
enum Turned {
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("no whole PROXY protocol header within {PROXY_HEADER_TIMEOUT_MS} ms")]
    ProxyTimedOut,
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

impl Entrance {
    /// Whether AMQP begins at once.
    pub(super) fn is_open(&self) -> bool {
        !self.proxy_protocol && self.tls.is_none()
    }

    /// Lets a connection through, or logs one line that says why not.
    pub(super) async fn enter(self, stream: TcpStream, mut caller: Caller) -> Option<Entered> {
        match self.pass(stream, &mut caller).await {
            Ok(stream) => Some(Entered { stream, caller }),
            Err(
                error @ (Turned::Handshake(HandshakeError::Silent)
                | Turned::Proxy(ProxyError::Silent)),
            ) => {
                tracing::debug!(peer = %caller.address, error = %error, "connection ended before AMQP");
                None
            }
            Err(error) => {
                tracing::warn!(peer = %caller.address, error = %error, "connection refused");
                None
            }
        }
    }

    async fn pass(
        &self,
        mut stream: TcpStream,
        caller: &mut Caller,
    ) -> Result<EnteredStream, Turned> {
        if self.proxy_protocol {
            let patience = Duration::from_millis(PROXY_HEADER_TIMEOUT_MS);
            let header = timeout(patience, proxy_protocol::read(&mut stream)).await;
            if let ProxiedFrom::Client(client) = header.map_err(|_| Turned::ProxyTimedOut)?? {
                caller.address = CallerAddress::inet(client);
            }
        }
        let Some(tls) = &self.tls else { return Ok(EnteredStream::Plain(stream)) };
        let connection = tls.accept(stream).await?;
        caller.certified = tls.certified(&connection);
        caller.tls = tls_info::of(&connection).map(Arc::new);
        Ok(EnteredStream::Tls(Box::new(connection)))
    }
}
